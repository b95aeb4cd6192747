import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpoint, writeCheckpoint } from '../../pipeline/checkpoint-file.js';
import { TorchRandom, type SamplingState } from '../../samplers/index.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  path = join(folder, 'variation-0.checkpoint');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Values that only a faithful copy keeps: the smallest subnormal, −0, a NaN-free extreme. */
const VALUES = [2 ** -149, -0, 3.4028234663852886e38, 1 / 3];

function state(step = 3): SamplingState {
  const random = new TorchRandom(7);
  random.randn(33); // in the middle of its words, one normal kept
  const x = Float32Array.from(VALUES);
  return { version: 1, plan: 'a plan', step, x, history: [x.map((v) => v / 2)], random: random.save() };
}
/** Compared by bits: −0 is not 0 here. */
const bits = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

describe('a checkpoint', () => {
  test('comes back bit for bit, with typed arrays, and leaves no part', async () => {
    await writeCheckpoint(path, 'clip', state());
    const back = await readCheckpoint(path, 'clip');
    expect(back).toEqual(state());
    expect(bits(back?.x ?? new Float32Array())).toEqual(bits(state().x));
    expect(back?.random?.words).toBeInstanceOf(Uint32Array);
    expect(await readdir(folder)).toEqual(['variation-0.checkpoint']);
  });

  test('takes the place of the one before', async () => {
    await writeCheckpoint(path, 'clip', state(3));
    await writeCheckpoint(path, 'clip', state(4));
    expect((await readCheckpoint(path, 'clip'))?.step).toBe(4);
  });

  test('that was never saved is none', async () => {
    expect(await readCheckpoint(path, 'clip')).toBeUndefined();
  });

  test('of another clip is refused', async () => {
    await writeCheckpoint(path, 'clip', state());
    await expect(readCheckpoint(path, 'another')).rejects.toThrow('saved by another run');
  });

  test('that is damaged anywhere is refused', async () => {
    await writeCheckpoint(path, 'clip', state());
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += 37) {
      const damaged = Buffer.from(whole);
      damaged[at] ^= 1;
      await writeFile(path, damaged);
      await expect(readCheckpoint(path, 'clip')).rejects.toThrow('damaged');
    }
    for (const length of [0, 10, 32, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, length));
      await expect(readCheckpoint(path, 'clip')).rejects.toThrow('damaged');
    }
  });

  test('that does not fit on the disk leaves the one before', async () => {
    await writeCheckpoint(path, 'clip', state(3));
    await symlink('/dev/full', `${path}.part`);
    await expect(writeCheckpoint(path, 'clip', state(4))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect((await readCheckpoint(path, 'clip'))?.step).toBe(3);
    expect(await readdir(folder)).toEqual(['variation-0.checkpoint']);
  });
});
