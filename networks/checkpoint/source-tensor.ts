import { CheckpointError } from './checkpoint-error.js';
import { brainFloatsToFloats, halvesToFloats } from './half-float.js';
import type { SafetensorsFile } from './safetensors.js';

const FLOAT_BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** A tensor in a checkpoint, or a part of one. Nothing is read or computed until it is asked for. */
export interface SourceTensor {
  /** Name in the file, for messages. */
  readonly name: string;
  /** null for a tensor that is computed, or a stand-in for one that was not found, which reads as zeros. */
  readonly file: SafetensorsFile | null;
  readonly dtype: string;
  /** As the networks see it. */
  readonly dims: readonly number[];
  /** First byte in the file. */
  readonly offset: number;
  /** The file holds the matrix the other way round, [dims[1], dims[0]]. */
  readonly transposed?: true;
  /** Gives the values of a tensor that is made from others. */
  readonly compute?: () => Float32Array;
}

/** A tensor made from others when its values are needed. */
export const computed = (
  name: string,
  dims: readonly number[],
  compute: () => Float32Array,
): SourceTensor => ({ name, file: null, dtype: 'F32', dims, offset: 0, compute });

export const sizeOf = (tensor: SourceTensor): number => tensor.dims.reduce((n, d) => n * d, 1);

/** All tensors of a file, by name. */
export function tensorsOf(file: SafetensorsFile): Map<string, SourceTensor> {
  const tensors = new Map<string, SourceTensor>();
  for (const [name, { dtype, dims, offset }] of file.entries) {
    tensors.set(name, { name, file, dtype, dims, offset });
  }
  return tensors;
}

/** Whether the values are not simply the file's from the offset on. */
export const isMade = ({ transposed, compute }: SourceTensor): boolean =>
  transposed !== undefined || compute !== undefined;

/** Entries `from` up to but not including `to` of the first axis. */
export function rows(tensor: SourceTensor, from: number, to: number): SourceTensor {
  const [, ...rest] = tensor.dims;
  const width = rest.reduce((n, d) => n * d, 1);
  const dims = [to - from, ...rest];
  if (isMade(tensor)) {
    return computed(tensor.name, dims, () => readValues(tensor).slice(from * width, to * width));
  }
  return { ...tensor, dims, offset: tensor.offset + from * width * (FLOAT_BYTES[tensor.dtype] ?? 1) };
}

/** The values `from` up to but not including `to`, in the order of the file. */
export function readRange(tensor: SourceTensor, from: number, to: number): Float32Array {
  const count = to - from;
  if (tensor.file === null) return new Float32Array(count);
  const bytes = FLOAT_BYTES[tensor.dtype];
  if (bytes === undefined) {
    const problem = `tensor '${tensor.name}' has type ${tensor.dtype}, expected F32, F16 or BF16`;
    throw new CheckpointError(tensor.file.path, [problem]);
  }
  const raw = new Uint8Array(count * bytes);
  tensor.file.read(tensor.offset + from * bytes, raw);
  if (tensor.dtype === 'F32') return new Float32Array(raw.buffer);
  const patterns = new Uint16Array(raw.buffer);
  return tensor.dtype === 'F16' ? halvesToFloats(patterns) : brainFloatsToFloats(patterns);
}

/** All values, row-major as `dims` says. */
export function readValues(tensor: SourceTensor): Float32Array {
  if (tensor.compute !== undefined) return tensor.compute();
  const stored = readRange(tensor, 0, sizeOf(tensor));
  if (tensor.transposed === undefined) return stored;
  const [height, width] = tensor.dims;
  const values = new Float32Array(stored.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) values[y * width + x] = stored[x * height + y];
  }
  return values;
}
