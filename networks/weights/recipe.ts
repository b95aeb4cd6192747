import {
  CheckpointError,
  floatsToHalves,
  isMade,
  readRange,
  readValues,
  sizeOf,
} from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';

export type WeightType = 'float32' | 'float16';

/** Values of the checkpoint, times a factor. */
export interface WeightPart {
  readonly source: SourceTensor;
  readonly scale?: number;
}

/** How one stored tensor comes about: its parts one after the other. */
export interface WeightRecipe {
  readonly type: WeightType;
  readonly dims: readonly number[];
  readonly parts: readonly WeightPart[];
}

/** Values converted at a time. */
const CHUNK = 2 ** 22;

/** The bytes of a recipe, a few megabytes at a time where the parts are copied. */
export function* recipeBytes(recipe: WeightRecipe, name: string): Generator<Uint8Array> {
  for (const part of recipe.parts) {
    if (isStoredAs(part, recipe.type)) {
      yield* storedBytes(part.source);
      continue;
    }
    for (const values of partValues(part)) {
      yield recipe.type === 'float32' ? bytesOf(values) : bytesOf(halves(values, name));
    }
  }
}

/** Whether the file's bytes can be taken over: equal type, order and values. */
const isStoredAs = ({ source, scale = 1 }: WeightPart, type: WeightType): boolean =>
  source.dtype === (type === 'float32' ? 'F32' : 'F16') && scale === 1 && !isMade(source);

function* storedBytes(source: SourceTensor): Generator<Uint8Array> {
  const length = sizeOf(source) * (source.dtype === 'F32' ? 4 : 2);
  for (let from = 0; from < length; from += CHUNK * 4) {
    const bytes = new Uint8Array(Math.min(CHUNK * 4, length - from));
    source.file?.read(source.offset + from, bytes);
    yield bytes;
  }
}

function* partValues({ source, scale = 1 }: WeightPart): Generator<Float32Array> {
  const size = sizeOf(source);
  if (isMade(source)) {
    const values = readValues(source);
    if (values.length !== size)
      throw new RangeError(`'${source.name}' has ${size} values, got ${values.length}`);
    yield scaled(values, scale);
    return;
  }
  for (let from = 0; from < size; from += CHUNK) {
    yield scaled(readRange(source, from, Math.min(size, from + CHUNK)), scale);
  }
}

/** Multiplies in place: the values were read for this alone. */
function scaled(values: Float32Array, scale: number): Float32Array {
  if (scale !== 1) for (let i = 0; i < values.length; i++) values[i] *= scale;
  return values;
}

function halves(values: Float32Array, name: string): Uint16Array {
  const patterns = floatsToHalves(values);
  const overflow = patterns.findIndex((bits, i) => (bits & 0x7fff) === 0x7c00 && Number.isFinite(values[i]));
  if (overflow === -1) return patterns;
  throw new CheckpointError(name, [
    `${values[overflow]} is beyond half precision; convert with float32 weights`,
  ]);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
