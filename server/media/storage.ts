import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { systemErrorCode } from './system-error.js';

/** What a finished file may be called: a lower-case word and one of the fixed endings. */
const FILE_NAME = /^[a-z][a-z0-9-]{0,63}\.(?:mp4|png|gif|webp|tar)$/;
const ID = /^[0-9a-f]{32}$/;
/** A file that is still being written carries this ending; it never survives a start of the server. */
export const PART = '.part';

/** True for the id of a task: 32 lower-case hexadecimal digits. */
export const isTaskId = (text: string): boolean => ID.test(text);

/**
 * Where the files of tasks lie under one data folder:
 *
 *     media/<first two of id>/<id>/video-0.mp4, grid.mp4, thumbnail-0.png, …
 *     pictures/<id>.png
 *     work/<id>-<random>/            files being made; becomes the task's media folder in one rename
 *
 * Every path is made from an id that was looked up and a name of our own; anything else throws, so that nothing a
 * client sends can become a path.
 */
export interface MediaStorage {
  readonly root: string;
  /** The folder of one task (it may not exist yet). */
  folder(id: string): string;
  /** The path of one finished file of a task, such as `video-0.mp4`. */
  file(id: string, name: string): string;
  /** The path of the checked picture a task starts from. */
  picture(id: string): string;
  /** Makes a new folder for the files of a task that are being made. */
  createWork(id: string): Promise<string>;
  /** Turns a work folder into the task's folder, in place of an earlier one: its files appear all at once. */
  publishWork(work: string, id: string): Promise<void>;
  /** Moves one file of a work folder to the files of a task that is there already, and gives its path. */
  adopt(work: string, id: string, name: string): Promise<string>;
  /** Removes a work folder. Quiet when it is gone or published. */
  removeWork(work: string): Promise<void>;
  /** Writes bytes to a path made by `file` or `picture`: the name appears only when the file is whole and on disk. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Opens a file for reading; undefined where there is none, or where a link leads elsewhere. The caller closes it. */
  open(path: string): Promise<FileHandle | undefined>;
  /** Removes everything of a task: its folder and its picture. Quiet where nothing is left. */
  remove(id: string): Promise<void>;
  /** True when the checked picture of a task is there. */
  hasPicture(id: string): Promise<boolean>;
  /** Removes the checked picture of a task. Quiet where there is none. */
  removePicture(id: string): Promise<void>;
  /**
   * Removes what an earlier run left behind: partial files, work folders, and the pictures of tasks that are not in
   * `unfinished`. Only safe while nothing is being written.
   */
  sweep(unfinished: ReadonlySet<string>): Promise<void>;
}

const checkId = (id: string): string => {
  if (!isTaskId(id)) {
    throw new TypeError(`Expected an id of 32 lower-case hexadecimal digits, got ${JSON.stringify(id)}`);
  }
  return id;
};

const checkName = (name: string): string => {
  if (!FILE_NAME.test(name)) {
    throw new TypeError(`Expected a media file name such as video-0.mp4, got ${JSON.stringify(name)}`);
  }
  return name;
};

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');

/** Flushes a folder's entries, so that a rename in it survives a power cut. */
const syncFolder = async (path: string): Promise<void> => {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const writeWhole = async (path: string, bytes: Uint8Array): Promise<void> => {
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
const openInside = async (root: string, path: string): Promise<FileHandle | undefined> => {
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

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

/** Partial files end in `.part`, so nothing but `<id of an unfinished task>.png` stays. */
const sweepPictures = async (folder: string, unfinished: ReadonlySet<string>): Promise<void> => {
  for (const name of await namesIn(folder)) {
    if (!unfinished.has(name.replace(/\.png$/, ''))) await rm(join(folder, name), { force: true });
  }
};

/** The storage under `dataDir` (made on the first write). */
export const createMediaStorage = (dataDir: string): MediaStorage => {
  const root = resolve(dataDir);
  const media = join(root, 'media');
  const pictures = join(root, 'pictures');
  const works = join(root, 'work');
  const folder = (id: string): string => join(media, checkId(id).slice(0, 2), id);
  const picture = (id: string): string => join(pictures, `${checkId(id)}.png`);

  return {
    root,
    folder,
    picture,
    file: (id, name) => join(folder(id), checkName(name)),
    createWork: async (id) => {
      await mkdir(works, { recursive: true });
      return mkdtemp(join(works, `${checkId(id)}-`));
    },
    publishWork: async (work, id) => {
      const target = folder(id);
      await mkdir(dirname(target), { recursive: true });
      await syncFolder(work);
      await rm(target, { recursive: true, force: true });
      await rename(work, target);
      await syncFolder(dirname(target));
    },
    adopt: async (work, id, name) => {
      const target = join(folder(id), checkName(name));
      await rename(join(work, name), target);
      return target;
    },
    removeWork: (work) => rm(work, { recursive: true, force: true }),
    write: writeWhole,
    open: (path) => openInside(root, path),
    remove: async (id) => {
      await Promise.all([
        rm(folder(id), { recursive: true, force: true }),
        rm(picture(id), { force: true }),
        rm(`${picture(id)}${PART}`, { force: true }),
      ]);
    },
    hasPicture: (id) =>
      access(picture(id)).then(
        () => true,
        () => false,
      ),
    removePicture: (id) => rm(picture(id), { force: true }),
    sweep: async (unfinished) => {
      await rm(works, { recursive: true, force: true });
      await sweepPictures(pictures, unfinished);
    },
  };
};
