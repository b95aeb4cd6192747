import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Replicate, { type FileOutput } from 'replicate';
import { startServer, type ServerProcess } from './server-process.js';
import { videoFacts } from './video-facts.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
const image = `data:image/jpeg;base64,${rocket.toString('base64')}`;
const SMALL = {
  width: 144,
  height: 256,
  num_frames: 7,
  num_inference_steps: 4,
  decode_chunk_size: 3,
  fps: 7,
};
const FACTS = { codec: 'avc', width: 144, height: 256, frames: 7, fps: 7, audio: false };

let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'predictions-'));
  server = await startServer({ DATA_DIR: join(folder, 'data'), MODELS_DIR: join(folder, 'models') });
});
afterAll(async () => {
  await server.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('a prediction’s data URL is a playable video of the size and length asked for', async () => {
  const response = await fetch(`${server.url}/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input: { image, ...SMALL } }),
  });
  const { status, output } = (await response.json()) as { status: string; output: string[] };
  expect([response.status, status, output.length]).toEqual([200, 'succeeded', 1]);
  const [, data] = /^data:video\/mp4;base64,(.+)$/s.exec(output[0]) ?? [];
  expect(await videoFacts(Buffer.from(data, 'base64'))).toEqual(FACTS);
});

test('Replicate’s client runs the model and gets the video', async () => {
  const replicate = new Replicate({ auth: 'any key', baseUrl: server.url });
  // Of two seeds at random one in ten pairs comes to the same camera move.
  const input = { image, ...SMALL, num_cols: 2, seed: 20 };
  const outputs = await replicate.run('any/model', { input });
  const videos = await Promise.all(
    (outputs as FileOutput[]).map(async (output) => Buffer.from(await (await output.blob()).arrayBuffer())),
  );
  expect(await Promise.all(videos.map(videoFacts))).toEqual([FACTS, FACTS]);
  expect(videos[0].equals(videos[1])).toBe(false);
});

test('once the model is loaded the health check says so', async () => {
  const response = await fetch(`${server.url}/health-check`);
  expect(await response.json()).toMatchObject({ status: 'READY', setup: { status: 'succeeded' } });
});
