/**
 * From 24 on Node has Float16Array, and ONNX Runtime 1.29's binding then refuses half-precision inputs made of it. Without it
 * half floats are bit patterns in a Uint16Array, as on older versions. It is looked up once, when the first tensor is made.
 */
Reflect.deleteProperty(globalThis, 'Float16Array');

export {};
