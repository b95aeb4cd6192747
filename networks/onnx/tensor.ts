import { GraphError } from './graph-error.js';

/** Element types a graph may hold, with the numbers of ONNX's TensorProto.DataType and the bytes of one element. */
export const ELEMENT_TYPES = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
  bfloat16: { code: 16, bytes: 2 },
} as const;

export type ElementType = keyof typeof ELEMENT_TYPES;

/** A fixed size, or the name of a size that is known when the graph runs. */
export type Dim = number | string;

/** Values held in the model file itself, row-major. Half floats are their bit patterns, booleans 0 or 1. */
export interface InlineTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

/** Values held in another file of the same folder, little-endian and row-major, `length` bytes from `offset` on. */
export interface StoredTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

export type Tensor = InlineTensor | StoredTensor;

/** Number of elements of a shape; 1 for a scalar. */
export const elementCount = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);

export const float32 = (dims: readonly number[], values: Iterable<number>): InlineTensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});

export const int64 = (dims: readonly number[], values: readonly (number | bigint)[]): InlineTensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
});

/** One value without dimensions, of any numeric type but the half floats. */
export function scalarTensor(type: ElementType, value: number): InlineTensor {
  const data = scalarData(type, value);
  return { type, dims: [], data };
}

function scalarData(type: ElementType, value: number): ArrayBufferView {
  const isInteger = type !== 'float32' && type !== 'float64';
  if (isInteger && !Number.isInteger(value)) {
    throw new GraphError(`Expected an integer for a constant of type ${type}, got ${value}`);
  }
  switch (type) {
    case 'float32':
      return Float32Array.of(value);
    case 'float64':
      return Float64Array.of(value);
    case 'int64':
      return BigInt64Array.of(BigInt(value));
    case 'int32':
      return Int32Array.of(value);
    case 'uint8':
    case 'bool':
      return Uint8Array.of(value);
    case 'int8':
      return Int8Array.of(value);
    default:
      throw new GraphError(`A plain number cannot become a ${type} constant; cast a float32 one`);
  }
}

/** Throws unless the dimensions are sizes and the data is exactly as long as they say. */
export function checkTensor(name: string, tensor: Tensor): void {
  if (!tensor.dims.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    throw new GraphError(
      `Tensor '${name}': expected dimensions of 0 or more, got [${tensor.dims.join(', ')}]`,
    );
  }
  const expected = elementCount(tensor.dims) * ELEMENT_TYPES[tensor.type].bytes;
  const given = 'data' in tensor ? tensor.data.byteLength : tensor.length;
  if (given !== expected) {
    throw new GraphError(
      `Tensor '${name}': ${tensor.type} [${tensor.dims.join(', ')}] takes ${expected} bytes, got ${given}`,
    );
  }
  if ('data' in tensor) return;
  if (!(Number.isSafeInteger(tensor.offset) && tensor.offset >= 0)) {
    throw new GraphError(`Tensor '${name}': expected an offset of 0 or more, got ${tensor.offset}`);
  }
  // The runtime opens the file relative to the model's folder and refuses to leave it.
  if (tensor.file === '' || /[/\\]/.test(tensor.file) || tensor.file === '..') {
    throw new GraphError(`Tensor '${name}': expected a plain file name, got '${tensor.file}'`);
  }
}
