import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { hasCode } from './system-error.js';

/** There is not enough room for what is to be written. */
export class DiskSpaceError extends Error {
  override readonly name = 'DiskSpaceError';
  readonly code = 'disk_full';

  constructor(
    folder: string,
    readonly needed: number,
    readonly free: number,
  ) {
    super(`${folder}: ${inGigabytes(needed)} are needed, ${inGigabytes(free)} are free`);
  }
}

const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Free bytes of the file system that a folder lies on or, if it is yet to be made, will lie on. */
export type FreeSpace = (folder: string) => Promise<number>;

export const freeSpace: FreeSpace = async (folder) => {
  for (let at = resolve(folder); ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || at === dirname(at)) throw error;
    }
  }
};

/** @throws DiskSpaceError unless `bytes` more fit into `folder` */
export async function requireSpace(
  folder: string,
  bytes: number,
  free: FreeSpace = freeSpace,
): Promise<void> {
  const available = await free(folder);
  if (available < bytes) throw new DiskSpaceError(folder, bytes, available);
}
