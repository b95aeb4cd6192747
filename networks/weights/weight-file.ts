import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { sizeOf } from '../checkpoint/index.js';
import { elementCount, ELEMENT_TYPES } from '../onnx/index.js';
import type { StoredTensor } from '../onnx/index.js';
import { recipeBytes } from './recipe.js';
import type { WeightRecipe } from './recipe.js';

/** Keeps every tensor on a cache line of its own. */
const ALIGNMENT = 64;
/** Bytes between two points from which an interrupted write can go on. */
const SYNC_INTERVAL = 256 * 2 ** 20;

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

  /**
   * Writes the whole file, or what is missing of it: how far it is on the disk for certain stands in `<path>.written`,
   * so that a process that ends in the middle loses a quarter of a gigabyte at most. Whoever calls it again must
   * know that plan and sources are the same. `onProgress` is told the bytes written so far; an abort leaves the
   * unfinished file to go on with.
   */
  async write(
    path: string,
    onProgress: (bytes: number) => void,
    signal?: AbortSignal,
    syncInterval = SYNC_INTERVAL,
  ): Promise<void> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
    const journal = `${path}.written`;
    try {
      let synced = Math.min(await readJournal(journal), (await handle.stat()).size);
      for (const { name, recipe, tensor } of this.#entries) {
        if (tensor.offset + tensor.length <= synced) continue;
        let position = tensor.offset;
        for (const bytes of recipeBytes(recipe, name)) {
          signal?.throwIfAborted();
          await writeAll(handle, bytes, position);
          position += bytes.length;
          onProgress(position);
        }
        if (position - synced < syncInterval) continue;
        await handle.sync();
        await writeFile(journal, String(position));
        synced = position;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rm(journal, { force: true });
  }
}

/** 0 where there is no journal, or a damaged one. */
async function readJournal(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^\d+$/.test(text) ? Number(text) : 0;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
