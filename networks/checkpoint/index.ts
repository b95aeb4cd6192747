export * from './checkpoint-error.js';
export * from './half-float.js';
export * from './ledger.js';
export * from './safetensors.js';
export * from './source-tensor.js';
