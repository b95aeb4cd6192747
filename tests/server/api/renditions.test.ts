import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { findFfmpeg } from '../../../pipeline/ffmpeg.js';
import { writePng } from '../../../pipeline/picture.js';
import { writeVideo } from '../../../pipeline/video-file.js';
import { makeClip, startService, type TestService } from '../support.js';

const [WIDTH, HEIGHT, FRAMES] = [320, 160, 5];
/** Frames of one grey each, from dark to bright. */
const frame = (f: number): Buffer => Buffer.alloc(WIDTH * HEIGHT * 3, 20 + 50 * f);

let service: TestService;
let folder: string;
let id: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'renditions-'));
  const { path: ffmpeg } = await findFfmpeg();
  service = await startService({
    make: async (job) => {
      const result = await makeClip(job);
      for (const { file, thumbnail } of result.videos) {
        await writeVideo({
          ffmpeg,
          frames: Array.from({ length: FRAMES }, (_, f) => frame(f)),
          width: WIDTH,
          height: HEIGHT,
          fps: 10,
          count: FRAMES,
          target: join(job.folder, file),
          timeoutMs: 10_000,
        });
        await writePng({ rgb: frame(0), width: WIDTH, height: HEIGHT }, join(job.folder, thumbnail));
      }
      return result;
    },
  });
  ({ id } = (await service.call('POST', '/tasks', { prompt: 'a fox', num_cols: 2 })).body);
  await service.ended(id);
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

const get = async (path: string): Promise<{ type: string | null; name: string | null; bytes: Buffer }> => {
  const response = await fetch(service.url + path);
  expect(response.status).toBe(200);
  return {
    type: response.headers.get('content-type'),
    name: response.headers.get('content-disposition'),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
};

describe.each(['gif', 'webp'])('GET /download/%s/:id', (kind) => {
  test('is the clip, frame for frame, moving for ever at its own pace', async () => {
    const { type, name, bytes } = await get(`/download/${kind}/${id}?download=1`);
    expect(type).toBe(`image/${kind}`);
    expect(name).toBe(`attachment; filename=${id}.${kind}`);
    expect(await sharp(bytes, { pages: -1 }).metadata()).toMatchObject({
      format: kind,
      width: WIDTH,
      pageHeight: HEIGHT,
      pages: FRAMES,
      loop: 0,
      delay: Array.from({ length: FRAMES }, () => 100),
    });
    const last = await sharp(bytes, { page: FRAMES - 1 })
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(Math.abs(last[3 * WIDTH * 80 + 3 * 160] - 220)).toBeLessThan(8);
  });
});

test('frames are a tar archive of numbered PNGs, which tar unpacks', async () => {
  const { type, bytes } = await get(`/download/frames/${id}?index=1`);
  expect(type).toBe('application/x-tar');
  const archive = join(folder, 'frames.tar');
  await writeFile(archive, bytes);
  await promisify(execFile)('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
  const names = (await readdir(folder)).sort();
  expect(names).toEqual(Array.from({ length: FRAMES }, (_, f) => `frame-000${f + 1}.png`));
  const third = await sharp(join(folder, names[2])).raw().toBuffer({ resolveWithObject: true });
  expect(third.info).toMatchObject({ width: WIDTH, height: HEIGHT });
  expect(Math.abs(third.data[0] - 120)).toBeLessThan(4);
});

test('a thumbnail comes small too', async () => {
  const { type, bytes } = await get(`/download/thumbnail/${id}?size=small`);
  expect(type).toBe('image/webp');
  expect(await sharp(bytes).metadata()).toMatchObject({ width: 192, height: 96 });
});

test('what was made once is kept, and goes with its task', async () => {
  const other = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id;
  await service.ended(other);
  const answers = await Promise.all([1, 2, 3].map(() => fetch(`${service.url}/download/gif/${other}`)));
  const tags = answers.map((answer) => answer.headers.get('etag'));
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  expect(new Set(tags).size).toBe(1);
  expect((await fetch(`${service.url}/download/gif/${other}`)).headers.get('etag')).toBe(tags[0]);
  expect(await readdir(join(service.folder, 'work'))).toEqual([]);
  await service.call('DELETE', `/tasks/${other}`);
  expect((await service.call('GET', `/download/gif/${other}`)).status).toBe(404);
  expect(await readdir(join(service.folder, 'media', other.slice(0, 2))).catch(() => [])).not.toContain(
    other,
  );
});

test('there is no rendition of a variation that there is not, nor of a clip that cannot be read', async () => {
  expect((await service.call('GET', `/download/gif/${id}?index=2`)).status).toBe(404);
  const broken = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id;
  await service.ended(broken);
  await writeFile(service.storage.file(broken, 'video-0.mp4'), 'no video');
  expect(await service.call('GET', `/download/webp/${broken}`)).toMatchObject({
    status: 500,
    body: { message: 'The webp of this clip could not be made' },
  });
  expect(await readdir(service.storage.folder(broken))).not.toContain('video-0.webp');
  await service.storage.remove(broken);
  expect((await service.call('GET', `/download/webp/${broken}`)).status).toBe(404);
});
