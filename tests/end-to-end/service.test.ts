import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { hasEnded, poll, post, startServer, type ServerProcess } from './server-process.js';
import { decodeVideo, difference, videoFacts } from './video-facts.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
/** Small enough to be quick, large enough to be a picture. */
const SMALL = { W: '256', H: '144', T: '9', fps: '9', steps: '4', seed: '3' };

let folder: string;
let env: Record<string, string>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'end-to-end-'));
  env = { DATA_DIR: join(folder, 'data'), MODELS_DIR: join(folder, 'models') };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const running: ServerProcess[] = [];
/** They have one data folder, so one that a failed test left running makes room. */
const start = async (more: Record<string, string> = {}): Promise<ServerProcess> => {
  await Promise.all(running.map((server) => server.end('SIGKILL')));
  const server = await startServer({ ...env, ...more });
  running.push(server);
  return server;
};
afterAll(() => Promise.all(running.map((server) => server.end('SIGKILL'))));

const fetchFile = async (server: ServerProcess, path: unknown): Promise<Buffer> => {
  const response = await fetch(`${server.url}${String(path)}`);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
};

describe('from a picture to a video over HTTP', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.end('SIGTERM')); // the data folder is the next one's

  test('the time that a clip takes is told before the first one is made', async () => {
    const estimate = async (fields: Record<string, string>): Promise<Record<string, unknown>> => {
      const response = await fetch(`${server.url}/estimate`, {
        method: 'POST',
        body: new URLSearchParams(fields),
      });
      return (await response.json()) as Record<string, unknown>;
    };
    // The worker is warming up.
    while ((await estimate({})).seconds === null) await pause(100);
    const { seconds, memory_bytes, wait_seconds } = await estimate({});
    expect(wait_seconds).toBe(0);
    expect(memory_bytes).toBe(512 * 288 * 25 * 300); // as was measured
    const longer = await estimate({ steps: '70' });
    // Rounded up to whole seconds.
    expect(longer.seconds).toBeGreaterThan(10 * (Number(seconds) - 1));
    expect(longer.seconds).toBeLessThanOrEqual(10 * Number(seconds));
  });

  test('a photograph becomes a playable clip of just that photograph, moving', async () => {
    const { id } = await post(server.url, SMALL, rocket);
    const task = await poll(server.url, id, hasEnded);
    expect(task).toMatchObject({ status: 'completed', model: 'kenburns', seed: 3, warnings: [] });

    const video = await fetchFile(server, task.video_url);
    expect(await videoFacts(video)).toEqual({
      codec: 'avc',
      width: 256,
      height: 144,
      frames: 9,
      fps: 9,
      audio: false,
    });
    const path = join(folder, 'clip.mp4');
    await writeFile(path, video);
    const frames = await decodeVideo(path, 256, 144);
    expect(frames).toHaveLength(9);
    // The camera moves all the time, and never jumps: neighbours differ, but less than first and last.
    const steps = frames.slice(1).map((frame, i) => difference(frame, frames[i]));
    for (const step of steps) expect(step).toBeGreaterThan(0.05);
    expect(difference(frames[0], frames[8])).toBeGreaterThan(Math.max(...steps));
    // It is the photograph: a blurred frame lies close to the blurred picture, fitted the same way.
    const blurred = async (picture: Sharp): Promise<Buffer> =>
      picture.resize(16, 9, { fit: 'cover' }).removeAlpha().raw().toBuffer();
    const still = await blurred(sharp(rocket));
    const raw = { width: 256, height: 144, channels: 3 } as const;
    for (const frame of frames) {
      expect(difference(await blurred(sharp(frame, { raw })), still)).toBeLessThan(25);
    }
  });

  test('the thumbnail is the clip’s first frame', async () => {
    const { id } = await post(server.url, SMALL, rocket);
    const task = await poll(server.url, id, hasEnded);
    const thumbnail = sharp(await fetchFile(server, task.thumbnail_url));
    expect(await thumbnail.metadata()).toMatchObject({ format: 'png', width: 256, height: 144 });
    const path = join(folder, 'again.mp4');
    await writeFile(path, await fetchFile(server, task.video_url));
    const [first] = await decodeVideo(path, 256, 144);
    expect(difference(await thumbnail.removeAlpha().raw().toBuffer(), first)).toBeLessThan(3);
  });

  test('a prompt becomes a clip whose picture is labelled as a placeholder', async () => {
    const { id } = await post(server.url, { ...SMALL, prompt: 'a lighthouse at dusk' });
    expect(await poll(server.url, id, hasEnded)).toMatchObject({
      status: 'completed',
      source: { type: 'prompt', prompt: 'a lighthouse at dusk', placeholder: true },
    });
  });

  test('variations have seeds of their own and a video that shows them side by side', async () => {
    const { id } = await post(server.url, { ...SMALL, num_cols: '2', seed: '20' }, rocket);
    const task = await poll(server.url, id, hasEnded);
    const videos = task.videos as { url: string; seed: number }[];
    expect(videos.map(({ seed }) => seed)).toEqual([20, 21]);
    const [a, b] = await Promise.all(videos.map(({ url }) => fetchFile(server, url)));
    expect(a.equals(b)).toBe(false);
    expect(await videoFacts(await fetchFile(server, task.grid_url))).toMatchObject({
      width: 512,
      height: 144,
      frames: 9,
    });
  });

  test.each([
    'EulerEDMSampler',
    'HeunEDMSampler',
    'EulerAncestralSampler',
    'DPMPP2SAncestralSampler',
    'DPMPP2MSampler',
    'LinearMultistepSampler',
  ])('%s makes a clip with its own defaults', async (sampler) => {
    const discretization = sampler.startsWith('DPMPP') ? 'LegacyDDPMDiscretization' : 'EDMDiscretization';
    const fields = { ...SMALL, W: '64', H: '64', T: '3', steps: '6', sampler, discretization };
    const { id } = await post(server.url, fields, rocket);
    expect(await poll(server.url, id, hasEnded)).toMatchObject({
      status: 'completed',
      params: { sampler, discretization },
    });
  });

  test('an address within the machine is refused, and the task says so', async () => {
    const { id } = await post(server.url, { ...SMALL, image_url: `${server.url}/health` });
    expect(await poll(server.url, id, hasEnded)).toMatchObject({
      status: 'error',
      stage: 'image',
      end_time: null,
      video_url: null,
      error: { code: 'url_refused' },
    });
  });

  test('nothing is left of pictures and half-made files', async () => {
    expect(await readdir(join(folder, 'data', 'pictures'))).toEqual([]);
    expect(await readdir(join(folder, 'data', 'work'))).toEqual([]);
  });
});

describe('when the service is stopped', () => {
  /** A clip that takes long enough to be interrupted. */
  const LONG = { W: '256', H: '144', T: '16', steps: '12', num_cols: '4', seed: '1' };

  test('kill -9 in the middle of a clip loses nothing: after the restart it is made', async () => {
    const first = await start();
    const { id } = await post(first.url, LONG, rocket);
    const waiting = await post(first.url, { ...SMALL, prompt: 'a fox' });
    await poll(first.url, id, ({ stage, step }) => stage === 'sample' && Number(step) >= 2);
    await first.end('SIGKILL');

    const second = await start();
    const task = await poll(second.url, id, hasEnded);
    expect(task).toMatchObject({ status: 'completed', seed: 1 });
    expect(await videoFacts(await fetchFile(second, task.video_url))).toMatchObject({ frames: 16 });
    expect(await poll(second.url, waiting.id, hasEnded)).toMatchObject({ status: 'completed' });
    await second.end('SIGTERM');
    expect(await readdir(join(folder, 'data', 'work'))).toEqual([]);
    expect(await readdir(join(folder, 'data', 'pictures'))).toEqual([]);
  }, 90_000);

  test('SIGTERM lets a short clip finish and ends with status 0', async () => {
    const server = await start({ SHUTDOWN_GRACE_SECONDS: '60' });
    const { id } = await post(server.url, SMALL, rocket);
    await poll(server.url, id, ({ stage }) => stage === 'sample');
    expect(await server.end('SIGTERM')).toBe(0);
    const again = await start();
    expect(await poll(again.url, id, () => true)).toMatchObject({ status: 'completed' });
    await again.end('SIGTERM');
  });

  test('SIGTERM puts a long clip back into the queue, and the next start makes it', async () => {
    const server = await start({ SHUTDOWN_GRACE_SECONDS: '0' });
    const { id } = await post(server.url, LONG, rocket);
    await poll(server.url, id, ({ stage }) => stage === 'sample');
    expect(await server.end('SIGTERM')).toBe(0);
    const again = await start();
    expect((await poll(again.url, id, hasEnded)).status).toBe('completed');
    await again.end('SIGTERM');
  }, 90_000);
});

test('a signal sent to `npm start` stops the service itself', async () => {
  const npm = spawn('npm', ['start'], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let pid = 0;
  for await (const line of createInterface({ input: npm.stdout })) {
    if (!line.includes('taking requests')) continue;
    ({ pid } = JSON.parse(line) as { pid: number });
    break;
  }
  npm.stdout.resume();
  npm.kill('SIGTERM');
  await once(npm, 'close'); // its output is the service's too: closed when both are gone
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a data folder in use is refused to a second server, until the first is gone, however it went', async () => {
  const first = await start();
  await expect(startServer(env)).rejects.toThrow(/ended with 1: DATA_DIR=.*in use by another server/s);
  await first.end('SIGKILL');
  const second = await start();
  await second.end('SIGTERM');
});

describe('a wrong configuration ends the start with a clear message', () => {
  test.each<[Record<string, string>, RegExp]>([
    [{ PORT: 'many' }, /ended with 1: .*PORT=many/s],
    [{ MODEL: 'no-such-model' }, /ended with 1: .*no-such-model is not a model folder/s],
    [
      { DATA_DIR: '/dev/null/data' },
      /ended with 1: DATA_DIR=\/dev\/null\/data cannot be written to: ENOTDIR/s,
    ],
    [{ DEVICE: 'tpu' }, /ended with 1: .*DEVICE=tpu.*cuda/s],
  ])('%j', async (wrong, message) => {
    await expect(startServer({ ...env, ...wrong })).rejects.toThrow(message);
  });
});
