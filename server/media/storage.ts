import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  moveTouched,
  namesIn,
  openInside,
  publishFolder,
  readInside,
  removeFolder,
  removeOlder,
  writeWhole,
} from './files.js';

/** What a finished file may be called: a lower-case word and one of the fixed endings. */
const FILE_NAME = /^[a-z][a-z0-9-]{0,63}\.(?:mp4|png|gif|webp|tar)$/;
const ID = /^[0-9a-f]{32}$/;

/** True for the id of a task: 32 lower-case hexadecimal digits. */
export const isTaskId = (text: string): boolean => ID.test(text);

/**
 * Where the files of tasks lie under one data folder:
 *
 *     media/<first two of id>/<id>/video-0.mp4, grid.mp4, thumbnail-0.png, …
 *     pictures/<id>.png, and of a story <id>-0.png, <id>-1.png, … for its scenes
 *     uploads/<id>.png               of an ended task, kept for a while for those who want it made again
 *     work/<id>-<random>/            files being made; becomes the task's media folder in one rename
 *     checkpoints/<id>-<random>/     how far the clip of an unfinished task is
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
  /** The path of the checked picture a task starts from; of a story, that of the scene with this number. */
  picture(id: string, scene?: number): string;
  /** Makes a new folder for the files of a task that are being made. */
  createWork(id: string): Promise<string>;
  /** Turns a work folder into the task's folder, in place of an earlier one: its files appear all at once. */
  publishWork(work: string, id: string): Promise<void>;
  /** Removes a work folder. Quiet when it is gone or published. */
  removeWork(work: string): Promise<void>;
  /**
   * Gives a run of a task a folder for its checkpoints, with those of the run before it. That one's name is gone then:
   * a process that is left over of it finds nowhere to write.
   */
  claimCheckpoints(id: string): Promise<string>;
  /** Removes what only an unfinished task needs: its picture and its checkpoints. Quiet where there is nothing. */
  removeInterim(id: string): Promise<void>;
  /** Keeps the picture of a task that has ended, where it has one; from now on it is to be had by `readPicture` alone. */
  keepUpload(id: string): Promise<void>;
  /** Removes the uploads whose tasks ended before a time in milliseconds since the epoch. */
  removeUploads(before: number): Promise<void>;
  /** The checked picture of a task that has one picture, from before its end or kept since; undefined where it is gone. */
  readPicture(id: string): Promise<Buffer | undefined>;
  /** Writes bytes to a path made by `file` or `picture`: the name appears only when the file is whole and on disk. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Opens a file for reading; undefined where there is none, or where a link leads elsewhere. The caller closes it. */
  open(path: string): Promise<FileHandle | undefined>;
  /** The bytes of a file; undefined where there is none, as for `open`. */
  read(path: string): Promise<Buffer | undefined>;
  /** Removes everything of a task: its folder, its pictures, kept or not, and its checkpoints. Quiet where nothing is left. */
  remove(id: string): Promise<void>;
  /** The tasks that have a folder of finished files, some at a time. */
  taskFolders(): AsyncGenerator<readonly string[]>;
  /** True when the checked picture of a task, or of one of a story's scenes, is there. */
  hasPicture(id: string, scene?: number): Promise<boolean>;
  /** Removes the checked pictures of a task. Quiet where there are none. */
  removePictures(id: string): Promise<void>;
  /**
   * Removes what an earlier run left behind: partial files, work folders, the pictures and checkpoints of tasks that are
   * not in `unfinished`, and the files of those that are, which nothing says to be whole. Only safe while nothing is
   * being written.
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

/** Only names that can be ours: what else lies there is nobody's business. */
async function* taskFolders(media: string): AsyncGenerator<readonly string[]> {
  for (const start of await namesIn(media)) {
    const ids = (await namesIn(join(media, start))).filter(
      (name) => isTaskId(name) && name.startsWith(start),
    );
    if (ids.length > 0) yield ids;
  }
}

/** Partial files end in `.part`, so nothing but whole pictures of unfinished tasks stays. */
const sweepPictures = async (folder: string, unfinished: ReadonlySet<string>): Promise<void> => {
  for (const name of await namesIn(folder)) {
    if (!unfinished.has(name.replace(/(-\d+)?\.png$/, ''))) await rm(join(folder, name), { force: true });
  }
};

/** The folders of `parent` that belong to a task: `<id>-<random>`. There is one at the most, unless somebody meddled. */
const foldersOf = async (parent: string, id: string): Promise<string[]> =>
  (await namesIn(parent)).filter((name) => name.startsWith(`${id}-`)).map((name) => join(parent, name));

/** Gives the task's folder in `parent` a new name, or makes one. */
const claimFolder = async (parent: string, id: string): Promise<string> => {
  const mine = join(parent, `${id}-${randomBytes(6).toString('hex')}`);
  const [earlier, ...strays] = await foldersOf(parent, id);
  await Promise.all(strays.map(removeFolder));
  if (earlier) await rename(earlier, mine);
  else await mkdir(mine, { recursive: true });
  return mine;
};

const sweepCheckpoints = async (parent: string, unfinished: ReadonlySet<string>): Promise<void> => {
  for (const name of await namesIn(parent)) {
    if (!unfinished.has(name.replace(/-.*$/, ''))) await removeFolder(join(parent, name));
  }
};

/** The storage under `dataDir` (made on the first write). */
export const createMediaStorage = (dataDir: string): MediaStorage => {
  const root = resolve(dataDir);
  const media = join(root, 'media');
  const pictures = join(root, 'pictures');
  const works = join(root, 'work');
  const uploads = join(root, 'uploads');
  const checkpoints = join(root, 'checkpoints');
  const folder = (id: string): string => join(media, checkId(id).slice(0, 2), id);
  const picture = (id: string, scene?: number): string =>
    join(pictures, `${checkId(id)}${scene === undefined ? '' : `-${scene}`}.png`);
  const upload = (id: string): string => join(uploads, `${checkId(id)}.png`);
  const removePictures = async (id: string): Promise<void> => {
    const names = (await namesIn(pictures)).filter((name) => name.startsWith(checkId(id)));
    await Promise.all(names.map((name) => rm(join(pictures, name), { force: true })));
  };
  const removeInterim = async (id: string): Promise<void> => {
    await removePictures(id);
    await Promise.all((await foldersOf(checkpoints, id)).map(removeFolder));
  };

  return {
    root,
    folder,
    picture,
    file: (id, name) => join(folder(id), checkName(name)),
    createWork: async (id) => {
      await mkdir(works, { recursive: true });
      return mkdtemp(join(works, `${checkId(id)}-`));
    },
    publishWork: (work, id) => publishFolder(work, folder(id)),
    removeWork: removeFolder,
    claimCheckpoints: (id) => claimFolder(checkpoints, checkId(id)),
    removeInterim,
    keepUpload: (id) => moveTouched(picture(id), upload(id)),
    removeUploads: (before) => removeOlder(uploads, before),
    readPicture: async (id) => (await readInside(root, picture(id))) ?? readInside(root, upload(id)),
    write: writeWhole,
    open: (path) => openInside(root, path),
    read: (path) => readInside(root, path),
    remove: async (id) => {
      await Promise.all([
        rm(folder(id), { recursive: true, force: true }),
        rm(upload(id), { force: true }),
        removeInterim(id),
      ]);
    },
    taskFolders: () => taskFolders(media),
    hasPicture: (id, scene) =>
      access(picture(id, scene)).then(
        () => true,
        () => false,
      ),
    removePictures,
    sweep: async (unfinished) => {
      await removeFolder(works);
      await sweepPictures(pictures, unfinished);
      await sweepCheckpoints(checkpoints, unfinished);
      for (const id of unfinished) await removeFolder(folder(id));
    },
  };
};
