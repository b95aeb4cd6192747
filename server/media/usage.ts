import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from './files.js';
import type { MediaStorage } from './storage.js';

/** How much room the finished files of each task take on the disk, as of the last look at each. */
export class MediaUsage {
  readonly #storage: Pick<MediaStorage, 'folder'>;
  readonly #bytes = new Map<string, number>();
  #total = 0;
  /** One look at a time: the last to be asked for is the last to be written down. */
  #last: Promise<void> = Promise.resolve();

  constructor(storage: Pick<MediaStorage, 'folder'>) {
    this.#storage = storage;
  }

  /** Bytes of all tasks. */
  get total(): number {
    return this.#total;
  }

  /** Bytes of one task. */
  of(id: string): number {
    return this.#bytes.get(id) ?? 0;
  }

  /** Looks at the folder of a task, which may be gone. */
  look(id: string): Promise<void> {
    const look = this.#last.then(() => this.#look(id));
    this.#last = look.catch(() => undefined);
    return look;
  }

  async #look(id: string): Promise<void> {
    const bytes = await folderBytes(this.#storage.folder(id));
    this.#total += bytes - this.of(id);
    if (bytes === 0) this.#bytes.delete(id);
    else this.#bytes.set(id, bytes);
  }
}

/** Bytes of the files in a folder; 0 where there is none. A file that goes meanwhile counts no more. */
async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of (await readdir(folder).catch(unlessMissing)) ?? []) {
    bytes += (await stat(join(folder, name)).catch(unlessMissing))?.size ?? 0;
  }
  return bytes;
}
