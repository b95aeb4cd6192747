import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { writeKenburns } from '../../networks/kenburns/index.js';
import { startServer, type ServerProcess } from './server-process.js';
import { decodeVideo, difference, videoFacts } from './video-facts.js';

const coffee = fileURLToPath(new URL('../data/coffee.png', import.meta.url));

/** Frames of a clip whose API does not ask for a number. */
const FRAMES = 6;

/** The embedded model with a recipe that is quick. */
async function writeShortModel(path: string): Promise<void> {
  await writeKenburns(path);
  const file = join(path, 'model.json');
  const described = JSON.parse(await readFile(file, 'utf8')) as { recipe: object };
  const recipe = { ...described.recipe, T: FRAMES, steps: 4 };
  await writeFile(file, JSON.stringify({ ...described, recipe }));
}

jest.setTimeout(120_000);

let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'animate-apis-'));
  const models = join(folder, 'models');
  await writeShortModel(join(models, 'short'));
  server = await startServer({ DATA_DIR: join(folder, 'data'), MODELS_DIR: models, MODEL: 'short' });
});
afterAll(async () => {
  await server.end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

/** Red above, green in the middle, blue below: twice as high as it is wide. */
const stripes = async (): Promise<Buffer> => {
  const pixels = Buffer.alloc(300 * 600 * 3);
  for (let y = 0; y < 600; y++) {
    for (let x = 0; x < 300; x++) pixels[(y * 300 + x) * 3 + Math.floor(y / 200)] = 255;
  }
  return sharp(pixels, { raw: { width: 300, height: 600, channels: 3 } })
    .png()
    .toBuffer();
};
/** The strongest of the three colours of a pixel. */
const strongest = (rgb: Uint8Array, width: number, x: number, y: number): number => {
  const pixel = [...rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  return pixel.indexOf(Math.max(...pixel));
};

describe('the animate API', () => {
  const animate = async (body: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${server.url}/gpu/animate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Record<string, unknown>;
  };
  const bytesOf = (base64: unknown): Buffer => Buffer.from(String(base64), 'base64');

  test('makes a GIF of the stretched picture, whose first frame is the preview', async () => {
    const image_base64 = (await stripes()).toString('base64');
    const answer = await animate({ image_base64, num_frames: 8, num_steps: 5, fps: 7, seed: 42 });
    expect(answer).toMatchObject({
      model: 'kenburns',
      input_width: 300,
      input_height: 600,
      render_width: 1024,
      render_height: 576,
      num_frames: 8,
      fps: 7,
      seed: 42,
    });
    const gif = bytesOf(answer.video_base64);
    expect(await sharp(gif, { animated: true }).metadata()).toMatchObject({
      format: 'gif',
      width: 1024,
      pageHeight: 576,
      pages: 8,
      delay: Array(8).fill(140),
      loop: 0,
    });
    const [first, last] = await Promise.all(
      [0, 7].map((page) => sharp(gif, { page }).removeAlpha().raw().toBuffer()),
    );
    const preview = sharp(bytesOf(answer.preview_image_base64));
    expect(await preview.metadata()).toMatchObject({ format: 'png', width: 1024, height: 576 });
    const still = await preview.removeAlpha().raw().toBuffer();
    expect(difference(still, first)).toBeLessThan(3);
    expect(difference(still, last)).toBeGreaterThan(3 * difference(still, first));
    // Cropped to cover, nothing but green would be left of it.
    for (const [y, colour] of [
      [20, 0],
      [288, 1],
      [555, 2],
    ] as const) {
      // prettier-ignore
      for (const x of [40, 512, 980]) expect(strongest(still, 1024, x, y)).toBe(colour);
    }
  });

  test('moves the picture that comes with the service where it is given none', async () => {
    const answer = await animate({ num_frames: 8, num_steps: 5, fps: 30 });
    expect(answer).toMatchObject({ input_width: 640, input_height: 427, fps: 25, seed: null });
    const { delay, pages } = await sharp(bytesOf(answer.video_base64), { animated: true }).metadata();
    expect([pages, delay]).toEqual([8, Array(8).fill(40)]);
  });
});

describe('the img2video API', () => {
  /** Polls as its clients do, only faster. */
  const ended = async (id: string): Promise<Response> => {
    for (;;) {
      const result = await fetch(`${server.url}/api/img2video/result/${id}`);
      if (result.status !== 202) return result;
      await pause(50);
    }
  };

  test('makes a video that is polled and fetched', async () => {
    const form = new FormData();
    form.append('image', new Blob([new Uint8Array(await readFile(coffee))]), 'coffee.png');
    form.append('seed', '12345');
    const started = await fetch(`${server.url}/api/img2video`, { method: 'POST', body: form });
    expect(started.status).toBe(200);
    const { id } = (await started.json()) as { id: string };

    const result = await ended(id);
    expect(result.status).toBe(200);
    const video_url = `/processed_videos/video_${id.slice(0, 8)}_12345.mp4`;
    expect(await result.json()).toEqual({
      status: 'complete',
      video_url,
      finish_reason: 'SUCCESS',
      seed: '12345',
      dimensions: '768x768',
    });
    const video = Buffer.from(await (await fetch(`${server.url}${video_url}`)).arrayBuffer());
    expect(await videoFacts(video)).toEqual({
      codec: 'avc',
      width: 768,
      height: 768,
      frames: FRAMES,
      fps: 12,
      audio: false,
    });
    const path = join(folder, 'video.mp4');
    await writeFile(path, video);
    const frames = await decodeVideo(path, 768, 768);
    expect(difference(frames[0], frames[FRAMES - 1])).toBeGreaterThan(1);
    const blurred = async (rgb: Uint8Array): Promise<Buffer> =>
      sharp(rgb, { raw: { width: 768, height: 768, channels: 3 } })
        .resize(12)
        .raw()
        .toBuffer();
    // The camera's move changes the picture less than stretching it would.
    const fitted = async (fit: 'cover' | 'fill'): Promise<Buffer> =>
      blurred(await sharp(coffee).resize(768, 768, { fit }).removeAlpha().raw().toBuffer());
    const first = await blurred(frames[0]);
    expect(difference(first, await fitted('cover'))).toBeLessThan(
      difference(first, await fitted('fill')) / 1.5,
    );
  });
});
