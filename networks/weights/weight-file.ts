import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { sizeOf } from '../checkpoint/index.js';
import { elementCount, ELEMENT_TYPES } from '../onnx/index.js';
import type { StoredTensor } from '../onnx/index.js';
import { recipeBytes } from './recipe.js';
import type { WeightRecipe } from './recipe.js';

/** Keeps every tensor on a cache line of its own. */
const ALIGNMENT = 64;

interface Entry {
  readonly name: string;
  readonly recipe: WeightRecipe;
  readonly tensor: StoredTensor;
}

/**
 * The one data file of a model folder, planned while the graphs are built and written afterwards, one tensor at a
 * time: a network of gigabytes is converted in a few hundred megabytes of memory.
 */
export class WeightFile {
  readonly #entries: Entry[] = [];
  #length = 0;

  constructor(readonly fileName: string) {}

  /** Bytes of the finished file. */
  get length(): number {
    return this.#length;
  }

  /** Reserves the place of a tensor. @throws RangeError when the parts do not fill its shape */
  add(name: string, recipe: WeightRecipe): StoredTensor {
    const { type, dims, parts } = recipe;
    const count = elementCount(dims);
    const given = parts.reduce((sum, { source }) => sum + sizeOf(source), 0);
    if (given !== count)
      throw new RangeError(`'${name}' [${dims.join(', ')}] takes ${count} values, got ${given}`);
    const offset = Math.ceil(this.#length / ALIGNMENT) * ALIGNMENT;
    const length = count * ELEMENT_TYPES[type].bytes;
    const tensor = { type, dims, file: this.fileName, offset, length };
    this.#entries.push({ name, recipe, tensor });
    this.#length = offset + length;
    return tensor;
  }

  /** Writes the whole file. `onProgress` is told the bytes written so far; an abort leaves an unfinished file behind. */
  async write(path: string, onProgress: (bytes: number) => void, signal?: AbortSignal): Promise<void> {
    const handle = await open(path, 'wx');
    try {
      for (const entry of this.#entries) {
        let position = entry.tensor.offset;
        for (const bytes of recipeBytes(entry.recipe, entry.name)) {
          signal?.throwIfAborted();
          await writeAll(handle, bytes, position);
          position += bytes.length;
          onProgress(position);
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
