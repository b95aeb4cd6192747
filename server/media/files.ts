import { constants } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, rm, stat, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { systemErrorCode } from '../../pipeline/system-error.js';

/** A file that is still being written carries this ending; it never survives a start of the server. */
const PART = '.part';

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');

/** For `catch`: what is missing is undefined. */
export const unlessMissing = (error: unknown): undefined => {
  if (isMissing(error)) return undefined;
  throw error;
};

/** Flushes a folder's entries, so that a rename in it survives a power cut. */
const syncFolder = async (path: string): Promise<void> => {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Writes a file: its name appears only when it is whole and on disk. */
export const writeWhole = async (path: string, bytes: Uint8Array): Promise<void> => {
  const part = `${path}${PART}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const handle = await open(part, 'w', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
};

/**
 * O_NOFOLLOW guards the last name only, so the folders above it are resolved and compared with the root.
 * O_NONBLOCK keeps a pipe planted under a media name from holding the open for ever.
 */
export const openInside = async (root: string, path: string): Promise<FileHandle | undefined> => {
  let handle: FileHandle;
  try {
    const [realRoot, realFolder] = await Promise.all([realpath(root), realpath(dirname(path))]);
    if (!`${realFolder}${sep}`.startsWith(`${realRoot}${sep}`)) return undefined;
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error) || systemErrorCode(error) === 'ELOOP') return undefined;
    throw error;
  }
  let isFile = false;
  try {
    isFile = (await handle.stat()).isFile();
  } finally {
    if (!isFile) await handle.close();
  }
  return isFile ? handle : undefined;
};

/** The bytes of a file under `root`, as for `openInside`. */
export const readInside = async (root: string, path: string): Promise<Buffer | undefined> => {
  const handle = await openInside(root, path);
  try {
    return await handle?.readFile();
  } finally {
    await handle?.close();
  }
};

/** The names in a folder; none where it is missing. */
export const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

/** Tried again while a process that was left over still writes there. */
export const removeFolder = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 5 });

/** Puts a folder in the place of another, flushed: its files appear there all at once. */
export const publishFolder = async (folder: string, target: string): Promise<void> => {
  await mkdir(dirname(target), { recursive: true });
  await syncFolder(folder);
  await rm(target, { recursive: true, force: true });
  await rename(folder, target);
  await syncFolder(dirname(target));
};

/** Moves a file, whose time is then that of the move. Quiet where there is none. */
export const moveTouched = async (from: string, to: string): Promise<void> => {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to).catch(unlessMissing);
  const now = new Date();
  await utimes(to, now, now).catch(unlessMissing);
};

/** Removes the files of a folder whose time is before this one, in milliseconds since the epoch. */
export const removeOlder = async (folder: string, before: number): Promise<void> => {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    const { mtimeMs = Infinity } = (await stat(path).catch(unlessMissing)) ?? {};
    if (mtimeMs < before) await rm(path, { force: true });
  }
};
