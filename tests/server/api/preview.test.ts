import { afterAll, beforeAll, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { ClipPreview } from '../../../pipeline/preview.js';
import { listen } from '../event-listener.js';
import { makeClip, startService, withResolvers, type TestService } from '../support.js';

/** Three frames of one colour each, 8×4. */
const preview = (...reds: number[]): ClipPreview => ({
  width: 8,
  height: 4,
  frames: reds.length,
  frameMs: 80,
  rgb: Uint8Array.from(reds.flatMap((red) => Array.from({ length: 32 }, () => [red, 0, 0]).flat())),
});

let service: TestService;
let show: (preview: ClipPreview) => void = () => undefined;
let running = withResolvers();
let finish = withResolvers();
beforeAll(async () => {
  service = await startService({
    make: async (job, { onPreview, onProgress }) => {
      onProgress?.({ stage: 'sample', part: 1, parts: 1, step: 0, steps: 4, progress: 0 });
      show = (shown) => onPreview?.(shown);
      running.resolve();
      await finish.promise;
      return makeClip(job);
    },
  });
});
afterAll(async () => {
  finish.resolve(); // also after a failure: a clip that never ends would hold up the end
  await service.close();
});

const begin = async (): Promise<string> => {
  [running, finish] = [withResolvers(), withResolvers()];
  const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
  await running.promise;
  return id as string;
};

test('a task that is sampled has a moving picture of what it looks like so far, until it has ended', async () => {
  const id = await begin();
  const before = (await service.call('GET', `/tasks/${id}`)).body;
  expect(before).toMatchObject({ preview_url: null, urls: { preview: null } });
  expect((await service.call('GET', `/tasks/${id}/preview`)).status).toBe(404);

  show(preview(250, 10, 250));
  const { preview_url: first, urls } = (await service.call('GET', `/tasks/${id}`)).body;
  expect(first).toMatch(new RegExp(`^/tasks/${id}/preview\\?v=\\d+$`));
  expect(urls.preview).toBe(first);
  const response = await fetch(service.url + first);
  expect(response.headers.get('content-type')).toBe('image/webp');
  const webp = Buffer.from(await response.arrayBuffer());
  expect(await sharp(webp, { pages: -1 }).metadata()).toMatchObject({
    format: 'webp',
    width: 8,
    pageHeight: 4,
    pages: 3,
    delay: [80, 80, 80],
    loop: 0,
  });
  const { data } = await sharp(webp, { page: 1 }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect(Math.abs(data[0] - 10)).toBeLessThan(12);

  show(preview(5));
  const { preview_url: second } = (await service.call('GET', `/tasks/${id}`)).body;
  expect(second).not.toBe(first);

  finish.resolve();
  await service.ended(id);
  expect((await service.call('GET', `/tasks/${id}`)).body).toMatchObject({
    status: 'completed',
    preview_url: null,
  });
  expect((await service.call('GET', `/tasks/${id}/preview`)).status).toBe(404);
});

test('followers of events hear of a new preview at once', async () => {
  const id = await begin();
  const events = listen(`${service.url}/tasks/${id}/events`);
  await events.until(({ data }) => data.status === 'processing');
  show(preview(1));
  const { event, data } = await events.until((heard) => typeof heard.data.preview_url === 'string');
  expect(event).toBe('progress');
  expect(data.urls.preview).toBe(data.preview_url);
  expect(data).not.toHaveProperty('params');
  finish.resolve();
  expect((await events.until((heard) => heard.event === 'done')).data.preview_url).toBeNull();
  events.close();
});

test('the preview of a task that does not exist is a 404', async () => {
  expect((await service.call('GET', `/tasks/${'f'.repeat(32)}/preview`)).status).toBe(404);
});
