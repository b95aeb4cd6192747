import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blend } from '../../pipeline/story-frames.js';
import { hasEnded, poll, startServer, type ServerProcess, type TaskJson } from './server-process.js';
import { decodeVideo, difference, videoFacts } from './video-facts.js';

/** The request of the story API's documentation, in a smaller size. */
const STORY = {
  scenes: ['a forest at dawn', 'a glowing desert at noon', 'a snowy mountain at night'],
  hero_description: 'A young explorer with a red scarf, detailed illustration, warm light',
  duration_per_scene: 3.0,
  fps: 24,
  width: 128,
  height: 128,
  transition_frames: 12,
  seed: 4,
};

/** One that is quickly made. */
const ANIMATED = { ...STORY, fps: 12, duration_per_scene: 1, transition_frames: 6, animate: true };

let folder: string;
let env: Record<string, string>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'story-'));
  env = { DATA_DIR: join(folder, 'data'), MODELS_DIR: join(folder, 'models') };
});
const running: ServerProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((server) => server.end('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});
const start = async (): Promise<ServerProcess> => {
  const server = await startServer(env);
  running.push(server);
  return server;
};

const post = (server: ServerProcess, body: object, path = '/generate-video'): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    // While frames are compared nothing sees the server close an idle connection.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  });
const save = async (response: Response, name: string): Promise<{ bytes: Buffer; path: string }> => {
  const bytes = Buffer.from(await response.arrayBuffer());
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { bytes, path };
};

describe('a story over HTTP', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.end('SIGTERM'));

  test('the documentation’s example is 240 frames at 24 fps, with crossfades that follow the formula', async () => {
    const response = await post(server, STORY);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-video-duration')).toBe('10.0');
    const { bytes, path } = await save(response, 'stills.mp4');
    expect(await videoFacts(bytes)).toEqual({
      codec: 'avc',
      width: 128,
      height: 128,
      frames: 240,
      fps: 24,
      audio: false,
    });
    const frames = await decodeVideo(path, 128, 128);
    for (const [start, before, after] of [
      [72, 71, 84],
      [156, 155, 168],
    ]) {
      const [a, b] = [frames[before], frames[after]];
      for (let i = 0; i < 12; i++) {
        const offBy = [i - 1, i, i + 1].map((place) => difference(frames[start + i], blend(a, b, place, 12)));
        expect(offBy[1]).toBeLessThan(4); // what the codec makes of the pictures' grain
        expect(Math.min(...offBy)).toBe(offBy[1]);
      }
    }
    // Within a scene nothing moves.
    for (let f = 85; f < 156; f++) expect(difference(frames[f], frames[84])).toBeLessThan(0.8);
    expect(await readdir(join(folder, 'data', 'pictures'))).toEqual([]);
    expect(await readdir(join(folder, 'data', 'work'))).toEqual([]);
  });

  test('animated scenes move all the time, and the crossfades keep their places', async () => {
    const response = await post(server, { ...ANIMATED, transition_frames: 12 });
    expect(response.status).toBe(200);
    const { bytes, path } = await save(response, 'animated.mp4');
    expect(await videoFacts(bytes)).toMatchObject({ frames: 60, fps: 12 });
    const frames = await decodeVideo(path, 128, 128);
    for (const first of [0, 24, 48]) {
      const scene = frames.slice(first, first + 12);
      const steps = scene.slice(1).map((frame, i) => difference(frame, scene[i]));
      for (const step of steps) expect(step).toBeGreaterThan(0.05);
      expect(difference(scene[0], scene[11])).toBeGreaterThan(Math.max(...steps));
    }
    for (const [start, a, b] of [
      [12, frames[11], frames[24]],
      [36, frames[35], frames[48]],
    ] as const) {
      for (let i = 0; i < 12; i++) {
        expect(difference(frames[start + i], blend(a, b, i, 12))).toBeLessThan(difference(a, b) / 12);
      }
    }
  });

  test('a picture alone comes as a PNG of the prompt', async () => {
    const response = await post(server, { prompt: 'a lighthouse' }, '/generate');
    expect(response.headers.get('content-type')).toBe('image/png');
    const { bytes } = await save(response, 'picture.png');
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    expect(bytes.readUInt32BE(16)).toBe(512);
  });
});

test('kill -9 in the middle of a story loses nothing: after the restart it is made', async () => {
  const first = await start();
  const { id } = (await (await post(first, { ...ANIMATED, async: true })).json()) as TaskJson;
  await poll(first.url, id, ({ stage, progress }) => stage === 'sample' && Number(progress) > 0.2);
  await first.end('SIGKILL');
  expect(await readdir(join(folder, 'data', 'pictures'))).toEqual(
    [0, 1, 2].map((scene) => `${id}-${scene}.png`),
  );

  const second = await start();
  const task = await poll(second.url, id, hasEnded);
  expect(task).toMatchObject({ status: 'completed', seed: 4, source: { placeholder: true } });
  const video = await fetch(`${second.url}${String(task.video_url)}`);
  expect(await videoFacts((await save(video, 'after.mp4')).bytes)).toMatchObject({ frames: 48, fps: 12 });
  await second.end('SIGTERM');
  expect(await readdir(join(folder, 'data', 'work'))).toEqual([]);
  expect(await readdir(join(folder, 'data', 'pictures'))).toEqual([]);
}, 60_000);
