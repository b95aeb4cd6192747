import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startService, VIDEO, type TestService } from '../support.js';
import type { TaskView } from '../../../server/tasks/view.js';
import { newTask } from '../tasks/support.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${service.url}${path}`, { headers });
const list = async (query = ''): Promise<Record<string, unknown>[]> =>
  (await (await get(`/status${query}`)).json()) as Record<string, unknown>[];
/** A finished clip of the stand-in worker. */
const clip = async (fields: Record<string, unknown> = {}): Promise<TaskView> => {
  const response = await fetch(`${service.url}/img2vid`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'a fox', ...fields }),
  });
  return service.ended(String(((await response.json()) as { id: string }).id));
};

describe('one task', () => {
  test('is the object itself', async () => {
    const { id } = await clip();
    const task = (await (await get(`/status?id=${id}`)).json()) as Record<string, unknown>;
    expect(task).toMatchObject({ id, status: 'completed', queue_position: null, eta_seconds: null });
  });

  test('unknown is the documented 404', async () => {
    const response = await get('/status?id=nope');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: 'Not found',
      message: 'The requested record was not found.',
    });
  });

  test('an empty id is the list', async () => {
    expect(Array.isArray(await list('?id='))).toBe(true);
  });
});

describe('the list', () => {
  let ids: string[];
  beforeEach(async () => {
    ids = [];
    for (let i = 0; i < 3; i++) ids.unshift((await clip()).id);
  });

  test('is a plain JSON list, newest first, with the total in a header', async () => {
    const response = await get('/status');
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const tasks = (await response.json()) as { id: string }[];
    expect(tasks.slice(0, 3).map(({ id }) => id)).toEqual(ids);
    expect(response.headers.get('x-total-count')).toBe(String(tasks.length));
  });

  test('pages by limit and before, and links to the next page', async () => {
    const response = await get('/status?limit=2');
    expect(((await response.json()) as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const next = /<(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    expect((await list(next?.replace('/status', '')))[0].id).toBe(ids[2]);
  });

  test('is compressed for those who take it, and the same inside', async () => {
    const plain = await get('/status', { 'accept-encoding': 'identity' });
    const small = await get('/status', { 'accept-encoding': 'gzip' });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(small.headers.get('content-encoding')).toBe('gzip');
    expect(small.headers.get('vary')).toMatch(/accept-encoding/i);
    const [a, b] = [Number(plain.headers.get('content-length')), Number(small.headers.get('content-length'))];
    expect(b).toBeLessThan(a / 2);
    expect(await small.json()).toEqual(await plain.json());
  });

  test('filters by status', async () => {
    const waiting = await service.table.create(newTask());
    expect((await list('?status=queued')).map(({ id }) => id)).toEqual([waiting.id]);
    expect((await list('?status=completed')).map(({ id }) => id)).not.toContain(waiting.id);
    await service.table.fail(waiting.id, { code: 'timeout', message: 'Too slow' });
    const [failed] = await list('?status=error');
    expect(failed).toMatchObject({
      id: waiting.id,
      status: 'error',
      end_time: null,
      finished_at: expect.any(String),
      error: { code: 'timeout', message: 'Too slow' },
    });
  });

  test.each([
    ['status=done', 'status'],
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=x', 'limit'],
    ['before=nope', 'before'],
  ])('%s is a 400 naming the field', async (query, field) => {
    const response = await get(`/status?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: 'Invalid request',
      field,
      allowed: expect.anything(),
    });
  });

  test('a parameter that pollers add against caches is let through', async () => {
    expect((await get('/status?_=17')).status).toBe(200);
  });
});

describe('polling', () => {
  test('an unchanged answer is a 304 without body, a changed one is sent', async () => {
    const { id } = await clip();
    for (const path of ['/status', `/status?id=${id}`]) {
      const first = await get(path);
      const etag = first.headers.get('etag') ?? '';
      expect(etag).not.toBe('');
      const again = await get(path, { 'if-none-match': etag });
      expect(again.status).toBe(304);
      expect(await again.text()).toBe('');
    }
    const etag = (await get('/status')).headers.get('etag') ?? '';
    const { id: newer } = await clip();
    const changed = await get('/status', { 'if-none-match': etag });
    expect(changed.status).toBe(200);
    expect(((await changed.json()) as { id: string }[])[0].id).toBe(newer);
  });

  test('progress within a state is a change', async () => {
    const task = await service.table.create(newTask());
    await service.table.start(task.id, 'encode');
    const etag = (await get(`/status?id=${task.id}`)).headers.get('etag') ?? '';
    service.table.report(task.id, { stage: 'sample', part: 1, parts: 1, step: 2, steps: 7, progress: 0.25 });
    const response = await get(`/status?id=${task.id}`, { 'if-none-match': etag });
    expect(await response.json()).toMatchObject({
      stage: 'sample',
      part: 1,
      parts: 1,
      step: 2,
      steps: 7,
      progress: 0.25,
    });
    await service.table.fail(task.id, { code: 'x', message: 'x' });
  });
});

describe('downloads', () => {
  test('the links of a task lead to its files', async () => {
    const task = await clip();
    const video = await get(task.video_url ?? '');
    expect(video.headers.get('content-type')).toBe('video/mp4');
    expect(video.headers.get('content-disposition')).toBe(`attachment; filename=${task.id}.mp4`);
    expect(Buffer.from(await video.arrayBuffer())).toEqual(VIDEO);
    const thumbnail = await get(task.thumbnail_url ?? '');
    expect(thumbnail.headers.get('content-type')).toBe('image/png');
  });

  test('come in ranges, to be shown and as HEAD', async () => {
    const { video_url, id } = await clip();
    const part = await get(video_url ?? '', { range: 'bytes=2-4' });
    expect([part.status, await part.text()]).toEqual([206, '234']);
    const shown = await get(`${video_url}?download=0`);
    expect(shown.headers.get('content-disposition')).toBe(`inline; filename=${id}.mp4`);
    const head = await fetch(`${service.url}${video_url}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(VIDEO.length)]);
  });

  test('every variation and the grid have their own', async () => {
    const task = await clip({ num_cols: 2, seed: 40 });
    const { videos } = task;
    expect(videos.map(({ seed }) => seed)).toEqual([40, 41]);
    expect(videos[0].url).toBe(task.video_url);
    for (const { url, thumbnail_url } of videos) {
      expect((await get(url)).status).toBe(200);
      expect((await get(thumbnail_url)).status).toBe(200);
    }
    expect(await (await get(task.grid_url ?? '')).text()).toBe('grid');
    expect((await get(`/download/video/${task.id}?index=2`)).status).toBe(404);
    expect((await get(`/download/video/${task.id}?index=-1`)).status).toBe(400);
  });

  test('lead to the GIF of each variation, where GIFs were asked for', async () => {
    const { id, videos } = await clip({ outputs: 'mp4+gif', num_cols: 2 });
    expect(videos.map(({ gif_url }) => gif_url)).toEqual([
      `/download/gif/${id}`,
      `/download/gif/${id}?index=1`,
    ]);
    for (const { gif_url } of videos) {
      const gif = await get(gif_url ?? '');
      expect([gif.headers.get('content-type'), await gif.text()]).toEqual(['image/gif', 'gif']);
    }
    const without = await clip();
    expect(without.videos[0].gif_url).toBeNull();
  });

  test('of unknown tasks and vanished files are 404s with a reason each', async () => {
    const unknown = await get('/download/video/ffffffffffffffffffffffffffffffff');
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ message: 'The requested video was not found.' });
    const { id } = await clip();
    await service.storage.remove(id);
    const gone = await get(`/download/video/${id}`);
    expect(gone.status).toBe(404);
    expect(await gone.json()).toMatchObject({ message: 'The requested video no longer exists.' });
  });

  test.each(['..%2f..%2ftasks.db', '%2e%2e/%2e%2e/package.json', '%00', '....//'])(
    'an id such as %s leads nowhere',
    async (id) => {
      expect([400, 404]).toContain((await get(`/download/video/${id}`)).status);
    },
  );
});
