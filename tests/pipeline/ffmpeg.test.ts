import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFfmpeg, locateFfmpeg } from '../../pipeline/ffmpeg.js';
import { ffmpegs, script, temporaryFolder } from './media-helpers.js';

const folder = temporaryFolder();
const bin = join(folder.path, 'bin');
const real = ffmpegs[0][1];
afterAll(folder.remove);
beforeEach(() => {
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin);
});

const withoutX264 = ["echo 'ffmpeg version 9.9-test Copyright' >&2", "echo ' V..... mpeg4    MPEG-4'"];

test('some ffmpeg is here to test with', () => {
  expect(ffmpegs.length).toBeGreaterThan(0);
});

describe('FFMPEG_PATH', () => {
  test.each(ffmpegs)('is used first (%s)', async (_, path) => {
    script(bin, 'ffmpeg', 'exit 1');
    const found = await locateFfmpeg({ FFMPEG_PATH: path, PATH: bin });
    expect(found).toEqual({ path, source: 'FFMPEG_PATH', version: expect.stringMatching(/^(N-)?\d+/) });
  });

  test('that names no file is an error, though a good one is on the PATH', async () => {
    symlinkSync(real, join(bin, 'ffmpeg'));
    const wrong = join(folder.path, 'nowhere');
    await expect(locateFfmpeg({ FFMPEG_PATH: wrong, PATH: bin })).rejects.toMatchObject({
      code: 'ffmpeg_missing',
      message: expect.stringMatching(/FFMPEG_PATH is .*nowhere: no such file/),
    });
  });

  test('that is not executable, does not run, is another program or lacks libx264 says so', async () => {
    const plain = join(bin, 'plain');
    writeFileSync(plain, 'text');
    const cases: readonly [string, RegExp][] = [
      [plain, /not executable/],
      [script(bin, 'fails', 'exit 3'), /does not run/],
      [script(bin, 'other', 'echo hello'), /not ffmpeg/],
      [script(bin, 'poor', ...withoutX264), /9\.9-test without libx264/],
    ];
    for (const [path, message] of cases) {
      await expect(locateFfmpeg({ FFMPEG_PATH: path })).rejects.toMatchObject({
        code: 'ffmpeg_missing',
        message: expect.stringMatching(message),
      });
    }
  });

  test('that is empty counts as unset', async () => {
    symlinkSync(real, join(bin, 'ffmpeg'));
    expect((await locateFfmpeg({ FFMPEG_PATH: '', PATH: bin })).source).toBe('PATH');
  });
});

describe('PATH', () => {
  test('is searched folder by folder, and a program without libx264 is passed over', async () => {
    const second = join(bin, 'second');
    mkdirSync(second);
    script(bin, 'ffmpeg', ...withoutX264);
    symlinkSync(real, join(second, 'ffmpeg'));
    const found = await locateFfmpeg({ PATH: `${join(folder.path, 'none')}::${bin}:${second}` });
    expect(found).toMatchObject({ path: join(second, 'ffmpeg'), source: 'PATH' });
  });

  test('without ffmpeg leads to the packaged binary', async () => {
    const found = await locateFfmpeg({ PATH: bin });
    expect(found.source).toBe('@ffmpeg-installer/ffmpeg');
    expect(found.version).toMatch(/^N-/);
  });
});

describe('findFfmpeg', () => {
  const saved = process.env.FFMPEG_PATH;
  beforeAll(() => {
    process.env.FFMPEG_PATH = join(folder.path, 'nowhere');
  });
  afterAll(() => {
    if (saved === undefined) delete process.env.FFMPEG_PATH;
    else process.env.FFMPEG_PATH = saved;
  });

  test('forgets a failure and remembers a success', async () => {
    await expect(findFfmpeg()).rejects.toMatchObject({ code: 'ffmpeg_missing' });
    process.env.FFMPEG_PATH = real;
    const first = await findFfmpeg();
    expect(first.path).toBe(real);
    process.env.FFMPEG_PATH = join(folder.path, 'nowhere');
    expect(await findFfmpeg()).toBe(first);
  });
});
