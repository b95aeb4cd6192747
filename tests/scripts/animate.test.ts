import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { videoFacts } from '../end-to-end/video-facts.js';

const script = fileURLToPath(new URL('../../dist/scripts/animate.js', import.meta.url));
const picture = fileURLToPath(new URL('../data/coffee.png', import.meta.url));
const QUICK = ['--width', '128', '--height', '72', '--frames', '5', '--steps', '4', '--seed', '1'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'animate-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const start = (args: readonly string[]) => {
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH, MODELS_DIR: join(folder, 'models') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (data) => (text.out += String(data)));
  child.stderr.on('data', (data) => (text.err += String(data)));
  return { child, text, ended: once(child, 'close').then(([code]) => code as number) };
};
const run = async (...args: string[]) => {
  const { text, ended } = start(args);
  return { code: await ended, ...text };
};

describe('animate', () => {
  test('makes the video, prints its path and tells each stage on plain lines', async () => {
    const out = join(folder, 'clip.mp4');
    const { code, out: printed, err } = await run('--image', picture, '--out', out, '--fps', '5', ...QUICK);
    expect({ code, printed }).toEqual({ code: 0, printed: `${out}\n` });
    expect(await videoFacts(readFileSync(out))).toMatchObject({
      codec: 'avc',
      width: 128,
      height: 72,
      frames: 5,
      fps: 5,
    });
    for (const line of ['encode 0/1', 'sample 4/4', 'decode 5/5', 'seed 1, 5 frames']) {
      expect(err).toContain(line);
    }
    expect(err).toMatch(/4 steps, 4 evaluations of the whole network\n$/);
  });

  test('the same seed gives the same file, and variations lie beside it', async () => {
    const [a, b] = [join(folder, 'a.mp4'), join(folder, 'b.mp4')];
    await run('--image', picture, '--out', a, ...QUICK);
    await run('--image', picture, '--out', b, '--num-cols', '2', '--outputs', 'mp4+gif', ...QUICK);
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
    expect((await readdir(folder)).filter((name) => name.startsWith('b'))).toEqual([
      'b-2.gif',
      'b-2.mp4',
      'b-grid.mp4',
      'b.gif',
      'b.mp4',
    ]);
  });

  test.each([
    [['--image', 'nowhere.png', '--out', 'x.mp4'], /--image.*nowhere\.png/],
    [['--image', picture, '--out', '/nowhere/x.mp4'], /--out/],
    [['--image', picture, '--out', 'x.avi'], /\.mp4/],
    [['--image', picture, '--out', 'x.mp4', '--steps', '0'], /steps.*from 1 to 1000/],
    [['--image', picture, '--out', 'x.mp4', '--width', '100'], /W.*multiple of 8/],
    [['--image', picture, '--out', 'x.mp4', '--sampler', 'Magic'], /sampler.*EulerEDMSampler/],
    [['--image', picture, '--out', 'x.mp4', '--wrong'], /--wrong/],
    [['--out', 'x.mp4'], /--image/],
  ])('%j ends with status 2 and says why', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err).not.toContain('    at '); // no stack
  });

  test('a file that is no picture, or a model that is none, ends with status 1', async () => {
    const bad = await run('--image', script, '--out', join(folder, 'bad.mp4'), ...QUICK);
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/picture/);
    const model = await run('--image', picture, '--out', join(folder, 'bad.mp4'), '--model', folder);
    expect(model.code).toBe(1);
    expect(model.err).toMatch(/not a model folder/);
    expect(await readdir(folder)).not.toContain('bad.mp4');
  });

  test('an interrupt ends with status 130 and leaves nothing', async () => {
    const out = join(folder, 'never.mp4');
    const { child, text, ended } = start(['--image', picture, '--out', out, '--steps', '1000']);
    await new Promise<void>((resolve) => {
      child.stderr.on('data', () => {
        if (text.err.includes('sample 1/')) resolve();
      });
    });
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect((await readdir(folder)).filter((name) => name.startsWith('never'))).toEqual([]);
  });
});
