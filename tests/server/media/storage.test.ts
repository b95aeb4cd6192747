import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createMediaStorage, isTaskId } from '../../../server/media/storage.js';

const ID = '0123456789abcdef0123456789abcdef';
const OTHER = 'fedcba9876543210fedcba9876543210';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'media-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('paths', () => {
  test('the files of a task lie under the first two digits of its id', () => {
    const storage = createMediaStorage(folder);
    expect(storage.file(ID, 'video-0.mp4')).toBe(join(folder, 'media', '01', ID, 'video-0.mp4'));
    expect(storage.picture(ID)).toBe(join(folder, 'pictures', `${ID}.png`));
  });

  test.each([
    '..',
    '../..',
    '',
    `${ID}/..`,
    `../${ID}`,
    `${ID}\0`,
    `${ID}\n`,
    ID.toUpperCase(),
    ID.slice(1),
    `${ID}0`,
    '/static/..%2findex.html',
    '..%2f..%2f',
    '//host/share',
    '.env',
  ])('%j is no id and never becomes a path', (text) => {
    const storage = createMediaStorage(folder);
    expect(isTaskId(text)).toBe(false);
    expect(() => storage.folder(text)).toThrow(TypeError);
    expect(() => storage.picture(text)).toThrow(TypeError);
    expect(() => storage.file(text, 'video-0.mp4')).toThrow(TypeError);
  });

  test.each(['../x.mp4', 'x.html', 'video-0.mp4.part', '.mp4', 'a/b.mp4', 'video 0.mp4', 'v\0.mp4', 'x.svg'])(
    '%j is no name of a media file',
    (name) => {
      expect(() => createMediaStorage(folder).file(ID, name)).toThrow(/media file name/);
    },
  );
});

describe('writing and reading', () => {
  test('a written file is whole, and nothing is left beside it', async () => {
    const storage = createMediaStorage(folder);
    const path = storage.file(ID, 'thumbnail.png');
    await storage.write(path, Buffer.from('whole'));
    expect(await readFile(path, 'utf8')).toBe('whole');
    expect(await readdir(dirname(path))).toEqual(['thumbnail.png']);
  });

  test('a failed write leaves neither the file nor its part', async () => {
    const storage = createMediaStorage(folder);
    const path = storage.file(ID, 'thumbnail.png');
    await mkdir(path, { recursive: true });
    await expect(storage.write(path, Buffer.from('x'))).rejects.toThrow();
    expect(await readdir(dirname(path))).toEqual(['thumbnail.png']);
  });

  test('a missing file, a folder and a pipe open as undefined', async () => {
    const storage = createMediaStorage(folder);
    expect(await storage.open(storage.file(ID, 'video-0.mp4'))).toBeUndefined();
    await mkdir(storage.file(ID, 'video-0.mp4'), { recursive: true });
    expect(await storage.open(storage.file(ID, 'video-0.mp4'))).toBeUndefined();
    execFileSync('mkfifo', [storage.file(ID, 'grid.mp4')]);
    expect(await storage.open(storage.file(ID, 'grid.mp4'))).toBeUndefined();
  });

  test('a link under a media name is not followed', async () => {
    const storage = createMediaStorage(folder);
    await mkdir(storage.folder(ID), { recursive: true });
    await writeFile(join(folder, 'secret.png'), 'secret');
    await symlink(join(folder, 'secret.png'), storage.file(ID, 'thumbnail.png'));
    expect(await storage.open(storage.file(ID, 'thumbnail.png'))).toBeUndefined();
  });

  test('a task folder that is a link out of the root is not followed', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    try {
      await writeFile(join(outside, 'thumbnail.png'), 'secret');
      const storage = createMediaStorage(folder);
      await mkdir(dirname(storage.folder(ID)), { recursive: true });
      await symlink(outside, storage.folder(ID));
      expect(await storage.open(storage.file(ID, 'thumbnail.png'))).toBeUndefined();
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  test('a data folder reached through a link works', async () => {
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    const storage = createMediaStorage(join(folder, 'link'));
    await storage.write(storage.picture(ID), Buffer.from('p'));
    const handle = await storage.open(storage.picture(ID));
    expect(await handle?.readFile('utf8')).toBe('p');
    await handle?.close();
  });
});

describe('removing', () => {
  test('removing a task takes its files and its picture and leaves the others alone', async () => {
    const storage = createMediaStorage(folder);
    for (const id of [ID, OTHER]) {
      await storage.write(storage.file(id, 'video-0.mp4'), Buffer.from(id));
      await storage.write(storage.picture(id), Buffer.from(id));
    }
    await storage.remove(ID);
    await storage.remove(ID);
    expect(await readdir(dirname(storage.folder(ID)))).toEqual([]);
    expect(await readdir(join(folder, 'pictures'))).toEqual([`${OTHER}.png`]);
    expect(await readFile(storage.file(OTHER, 'video-0.mp4'), 'utf8')).toBe(OTHER);
  });

  test.each(['removePictures', 'removeInterim'] as const)('%s leaves the media alone', async (remove) => {
    const storage = createMediaStorage(folder);
    await storage.write(storage.file(ID, 'video-0.mp4'), Buffer.from('v'));
    await storage.write(storage.picture(ID), Buffer.from('p'));
    expect(await storage.hasPicture(ID)).toBe(true);
    await storage[remove](ID);
    await storage[remove](ID);
    expect(await storage.hasPicture(ID)).toBe(false);
    expect(await readFile(storage.file(ID, 'video-0.mp4'), 'utf8')).toBe('v');
  });

  test.each(['removePictures', 'removeInterim', 'remove'] as const)(
    '%s takes the pictures of every scene of that task alone',
    async (remove) => {
      const storage = createMediaStorage(folder);
      for (const id of [ID, OTHER]) {
        for (const scene of [0, 1, 11]) await storage.write(storage.picture(id, scene), Buffer.from('p'));
      }
      expect(await storage.hasPicture(ID, 11)).toBe(true);
      expect(await storage.hasPicture(ID, 2)).toBe(false);
      expect(await storage.hasPicture(ID)).toBe(false);
      await storage[remove](ID);
      const left = (await readdir(join(folder, 'pictures'))).sort();
      expect(left).toEqual([0, 1, 11].map((scene) => `${OTHER}-${scene}.png`));
    },
  );

  test.each(['removeInterim', 'remove'] as const)(
    '%s takes the checkpoints of that task alone',
    async (remove) => {
      const storage = createMediaStorage(folder);
      await storage.claimCheckpoints(ID);
      const other = await storage.claimCheckpoints(OTHER);
      await storage[remove](ID);
      expect(await readdir(join(folder, 'checkpoints'))).toEqual([basename(other)]);
    },
  );
});

describe('an upload that is kept', () => {
  test('can be read before and after the end of its task, until its time is over', async () => {
    const storage = createMediaStorage(folder);
    for (const id of [ID, OTHER]) await storage.write(storage.picture(id), Buffer.from(id));
    expect((await storage.readPicture(ID))?.toString()).toBe(ID);
    await storage.keepUpload(ID);
    await storage.removeInterim(ID);
    expect(await storage.hasPicture(ID)).toBe(false);
    expect((await storage.readPicture(ID))?.toString()).toBe(ID);
    await storage.sweep(new Set([OTHER]));
    await storage.removeUploads(Date.now() - 60_000);
    expect((await storage.readPicture(ID))?.toString()).toBe(ID);
    await storage.removeUploads(Date.now() + 60_000);
    expect(await storage.readPicture(ID)).toBeUndefined();
    expect((await storage.readPicture(OTHER))?.toString()).toBe(OTHER);
  });

  test('counts its time from the end of its task, not from when it came', async () => {
    const storage = createMediaStorage(folder);
    await storage.write(storage.picture(ID), Buffer.from('p'));
    await utimes(storage.picture(ID), 1000, 1000);
    await storage.keepUpload(ID);
    await storage.removeUploads(Date.now() - 60_000);
    expect(await storage.readPicture(ID)).toBeDefined();
  });

  test('goes with its task; where there is none, nothing happens', async () => {
    const storage = createMediaStorage(folder);
    await storage.removeUploads(Date.now());
    await storage.keepUpload(ID);
    expect(await storage.readPicture(ID)).toBeUndefined();
    await storage.write(storage.picture(ID), Buffer.from('p'));
    await storage.keepUpload(ID);
    await storage.remove(ID);
    expect(await storage.readPicture(ID)).toBeUndefined();
  });
});

describe('making the files of a task', () => {
  test('published files appear under the task at once and replace those of an earlier try', async () => {
    const storage = createMediaStorage(folder);
    await storage.write(storage.file(ID, 'video-9.mp4'), Buffer.from('old'));
    const work = await storage.createWork(ID);
    await writeFile(join(work, 'video-0.mp4'), 'new');
    expect(await storage.open(storage.file(ID, 'video-0.mp4'))).toBeUndefined();
    await storage.publishWork(work, ID);
    expect(await readdir(storage.folder(ID))).toEqual(['video-0.mp4']);
    expect(await readdir(join(folder, 'work'))).toEqual([]);
    await storage.removeWork(work);
    expect(await readdir(storage.folder(ID))).toEqual(['video-0.mp4']);
  });

  test('two tries of one task never share a folder', async () => {
    const storage = createMediaStorage(folder);
    expect(await storage.createWork(ID)).not.toBe(await storage.createWork(ID));
  });

  test('a run of a task goes on from the checkpoints of the one before, which can write no more', async () => {
    const storage = createMediaStorage(folder);
    const first = await storage.claimCheckpoints(ID);
    await writeFile(join(first, 'variation-0.checkpoint'), 'state');
    const second = await storage.claimCheckpoints(ID);
    expect(await readFile(join(second, 'variation-0.checkpoint'), 'utf8')).toBe('state');
    await expect(writeFile(join(first, 'variation-0.checkpoint'), 'late')).rejects.toThrow('ENOENT');
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([basename(second)]);
    expect(await readdir(await storage.claimCheckpoints(OTHER))).toEqual([]);
  });

  test('a sweep removes what is unfinished or not needed and nothing else', async () => {
    const storage = createMediaStorage(folder);
    await storage.sweep(new Set());
    for (const id of [ID, OTHER]) await storage.write(storage.file(id, 'video-0.mp4'), Buffer.from('whole'));
    await storage.write(storage.picture(ID), Buffer.from('wanted'));
    await storage.write(storage.picture(OTHER), Buffer.from('ended'));
    await writeFile(`${storage.picture(OTHER)}.part`, 'half');
    for (const id of [ID, OTHER]) await storage.write(storage.picture(id, 1), Buffer.from('of a scene'));
    await writeFile(`${storage.picture(ID, 2)}.part`, 'half');
    await writeFile(join(await storage.createWork(ID), 'video-0.mp4.part'), 'half');
    await storage.claimCheckpoints(OTHER);
    const checkpoints = await storage.claimCheckpoints(ID);
    await storage.sweep(new Set([ID]));
    expect((await readdir(join(folder, 'pictures'))).sort()).toEqual([`${ID}-1.png`, `${ID}.png`]);
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([basename(checkpoints)]);
    // Of a task that has ended the files stay; those of one that has not may be of a run that ended too early.
    expect(await readdir(storage.folder(OTHER))).toEqual(['video-0.mp4']);
    await expect(readdir(storage.folder(ID))).rejects.toThrow('ENOENT');
    await expect(readdir(join(folder, 'work'))).rejects.toThrow('ENOENT');
  });

  test('a sweep does not follow links out of the root', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    try {
      await writeFile(join(outside, 'theirs.png'), 'keep');
      const storage = createMediaStorage(folder);
      const work = await storage.createWork(ID);
      await symlink(outside, join(work, 'away'));
      await storage.sweep(new Set());
      expect(await readdir(outside)).toEqual(['theirs.png']);
    } finally {
      await rm(outside, { recursive: true });
    }
  });
});
