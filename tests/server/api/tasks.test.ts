import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedSvdXt } from '../../pipeline/manifests.js';
import { holdClips, startService, type HeldClips, type TestService } from '../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url)));
const UNKNOWN = 'f'.repeat(32);

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const upload = (fields: Record<string, string> = {}): FormData => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('image', new Blob([new Uint8Array(photo)]), 'p.jpg');
  return form;
};

describe('POST /tasks', () => {
  test('accepts what POST /img2vid accepts and answers 201 with the task and where it is', async () => {
    const { status, headers, body } = await service.call('POST', '/tasks', { prompt: 'a fox', seed: 5 });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/tasks/${body.id}`);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      status: 'queued',
      seed: 5,
      source: { type: 'prompt', prompt: 'a fox' },
      urls: {
        get: `/tasks/${body.id}`,
        events: `/tasks/${body.id}/events`,
        cancel: `/tasks/${body.id}/cancel`,
        rerun: `/tasks/${body.id}/rerun`,
        video: null,
        thumbnail: null,
        grid: null,
        preview: null,
      },
    });
    const old = await service.call('POST', '/img2vid', { prompt: 'a fox', seed: 5 });
    expect(old.status).toBe(200);
    expect(old.body.urls).toBeUndefined();
    expect(Object.keys(body)).toEqual([...Object.keys(old.body), 'urls']);
    expect(body.params).toEqual(old.body.params);
  });

  test('takes an upload, and the urls of the finished task lead to its files', async () => {
    const { status, body } = await service.call('POST', '/tasks', upload({ num_cols: '2' }));
    expect(status).toBe(201);
    await service.ended(body.id);
    const done = (await service.call('GET', body.urls.get)).body;
    expect(done).toMatchObject({ status: 'completed', source: { type: 'upload' } });
    for (const file of ['video', 'thumbnail', 'grid']) {
      expect((await fetch(`${service.url}${done.urls[file]}`)).status).toBe(200);
    }
  });

  test.each([
    [{}, undefined],
    [{ prompt: 'a fox', steps: 0 }, 'steps'],
    [{ prompt: 'a fox', colour: 1 }, 'colour'],
  ])('%j is a 400 with a code and leaves no task', async (wrong, field) => {
    const before = (await service.call('GET', '/tasks')).body.total;
    const { status, body } = await service.call('POST', '/tasks', wrong);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'Invalid request', code: 'invalid_request' });
    expect(body.field).toBe(field);
    expect((await service.call('GET', '/tasks')).body.total).toBe(before);
  });

  test('urls carry the public address where there is one', async () => {
    const pod = await startService({ env: { BASE_URL: 'https://clips.example/' } });
    try {
      const { headers, body } = await pod.call('POST', '/tasks', { prompt: 'a fox' });
      expect(headers.get('location')).toBe(`https://clips.example/tasks/${body.id}`);
      await pod.ended(body.id);
      const { urls, video_url } = (await pod.call('GET', `/tasks/${body.id}`)).body;
      expect(urls.video).toBe(`https://clips.example/download/video/${body.id}`);
      expect(video_url).toBe(`/download/video/${body.id}`);
      await pod.call('POST', '/tasks', { prompt: 'a fox' });
      const { next } = (await pod.call('GET', '/tasks?limit=1')).body;
      expect(next).toMatch(/^https:\/\/clips\.example\/tasks\?limit=1&before=[0-9a-f]{32}$/);
    } finally {
      await pod.close();
    }
  });
});

describe('GET /tasks', () => {
  test('is an object of one page, with the total and where the next page is', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++)
      ids.unshift((await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id);
    const first = await service.call('GET', '/tasks?limit=2');
    expect(Object.keys(first.body)).toEqual(['tasks', 'total', 'next']);
    expect(first.body.tasks.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
    expect(first.body.tasks[0].urls.get).toBe(`/tasks/${ids[0]}`);
    const second = await service.call('GET', first.body.next);
    expect(second.body.tasks[0].id).toBe(ids[2]);
    const all = await service.call('GET', '/tasks');
    expect(all.body.next).toBeNull();
    expect(all.body.total).toBe(all.body.tasks.length);
    expect(first.body.total).toBe(all.body.total);
  });

  test('filters and refuses as /status does', async () => {
    const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
    await service.ended(id);
    const { body } = await service.call('GET', '/tasks?status=queued');
    expect(body.tasks.map((task: { id: string }) => task.id)).not.toContain(id);
    expect(await service.call('GET', '/tasks?status=done')).toMatchObject({
      status: 400,
      body: { field: 'status', code: 'invalid_request' },
    });
  });

  test('an unchanged list or task is a 304', async () => {
    const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
    await service.ended(id);
    await service.runner.close(1000);
    for (const path of ['/tasks', `/tasks/${id}`]) {
      const etag = (await service.call('GET', path)).headers.get('etag') ?? '';
      const again = await fetch(`${service.url}${path}`, { headers: { 'if-none-match': etag } });
      expect(again.status).toBe(304);
    }
    await service.close();
    service = await startService();
  });
});

describe('GET /tasks/:id', () => {
  test.each([UNKNOWN, 'nope', '..%2f..%2ftasks.db', '%00'])('of %s is a 404 with a code', async (id) => {
    expect(await service.call('GET', `/tasks/${id}`)).toMatchObject({
      status: 404,
      body: { error: 'Not found', code: 'not_found' },
    });
  });

  test('another method is a 405', async () => {
    expect((await service.call('PUT', `/tasks/${UNKNOWN}`)).status).toBe(405);
    expect((await service.call('GET', `/tasks/${UNKNOWN}/cancel`)).status).toBe(405);
  });
});

describe('DELETE /tasks/:id', () => {
  let held: HeldClips;
  let slow: TestService;
  beforeAll(async () => {
    held = holdClips();
    slow = await startService({ make: held.make });
  });
  afterAll(() => slow.close());

  test('removes a finished task with all its files; the second time it is a 404', async () => {
    const { id } = (await service.call('POST', '/tasks', upload())).body;
    await service.ended(id);
    expect(existsSync(service.storage.folder(id))).toBe(true);
    expect((await service.call('DELETE', `/tasks/${id}`)).status).toBe(204);
    expect(existsSync(service.storage.folder(id))).toBe(false);
    for (const path of [`/tasks/${id}`, `/status?id=${id}`, `/download/video/${id}`]) {
      expect((await service.call('GET', path)).status).toBe(404);
    }
    expect(await service.call('DELETE', `/tasks/${id}`)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  test('ends a running task, and leaves neither picture nor half-made files of it', async () => {
    const { id } = (await slow.call('POST', '/tasks', upload())).body;
    const next = (await slow.call('POST', '/tasks', upload())).body;
    await held.running(id);
    expect((await slow.call('DELETE', `/tasks/${id}`)).status).toBe(204);
    held.release(next.id);
    expect(await slow.ended(next.id)).toMatchObject({ status: 'completed' });
    await slow.runner.close(1000);
    expect(await readdir(join(slow.folder, 'pictures'))).toEqual([]);
    expect(await readdir(join(slow.folder, 'work'))).toEqual([]);
    expect(existsSync(slow.storage.folder(id))).toBe(false);
    expect(await slow.table.count()).toBe(1);
  });

  test('of two at a time one removes and one finds nothing', async () => {
    const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
    const both = await Promise.all([0, 1].map(() => service.call('DELETE', `/tasks/${id}`)));
    expect(both.map(({ status }) => status).sort()).toEqual([204, 404]);
  });
});

describe('POST /tasks/:id/rerun', () => {
  const finished = async (fields: Record<string, unknown>): Promise<string> => {
    const { id } = (await service.call('POST', '/tasks', fields)).body;
    await service.ended(id);
    return id as string;
  };

  test('makes a new task of the same source and parameters', async () => {
    const id = await finished({ prompt: 'a fox', seed: 8, steps: 5, sampler: 'HeunEDMSampler', s_churn: 2 });
    const earlier = (await service.call('GET', `/tasks/${id}`)).body;
    const { status, headers, body } = await service.call('POST', `/tasks/${id}/rerun`);
    expect(status).toBe(201);
    expect(body.id).not.toBe(id);
    expect(headers.get('location')).toBe(`/tasks/${body.id}`);
    expect(body.params).toEqual(earlier.params);
    expect(body.source).toEqual({ type: 'prompt', prompt: 'a fox' });
    expect(body.warnings).toEqual([]);
    expect(await service.ended(body.id)).toMatchObject({ status: 'completed', seed: 8 });
  });

  test('takes overrides as JSON or as a form, and another seed on demand', async () => {
    const id = await finished({ prompt: 'a fox', seed: 8, steps: 5 });
    const json = await service.call('POST', `/tasks/${id}/rerun`, { steps: 9, seed: 21 });
    expect(json.body.params).toMatchObject({ steps: 9, seed: 21 });
    const form = new FormData();
    form.append('seed', 'new');
    form.append('fps', '3');
    const drawn = await service.call('POST', `/tasks/${id}/rerun`, form);
    expect(drawn.body.params).toMatchObject({ steps: 5, fps: 3 });
    const nulled = await service.call('POST', `/tasks/${id}/rerun`, { seed: null });
    // One seed of a billion three times over is no chance.
    expect(new Set([8, drawn.body.seed, nulled.body.seed]).size).toBe(3);
  });

  test('another component begins at its documented defaults, without the parameters of the one before', async () => {
    const id = await finished({ prompt: 'a fox', sampler: 'EulerEDMSampler', s_churn: 3, seed: 1 });
    const { body } = await service.call('POST', `/tasks/${id}/rerun`, { sampler: 'LinearMultistepSampler' });
    expect(body.params).toMatchObject({ sampler: 'LinearMultistepSampler', order: 4 });
    expect(body.params.s_churn).toBeUndefined();
    expect(body.warnings).toEqual([]);
    const same = await service.call('POST', `/tasks/${id}/rerun`, { sampler: 'EulerEDMSampler' });
    expect(same.body.params).toMatchObject({ s_churn: 3 });
  });

  test('a preset replaces what the earlier task had of all that presets decide', async () => {
    const id = await finished({ prompt: 'a fox', steps: 9, sampler: 'HeunEDMSampler', fps: 3, seed: 1 });
    const { body } = await service.call('POST', `/tasks/${id}/rerun`, { preset: 'fast' });
    expect(body.params).toMatchObject({ steps: 3, sampler: 'EulerEDMSampler', fps: 3, seed: 1 });
    const beside = await service.call('POST', `/tasks/${id}/rerun`, { preset: 'fast', steps: 4 });
    expect(beside.body.params).toMatchObject({ steps: 4, sampler: 'EulerEDMSampler' });
  });

  test('without caching leaves the branch out, and warns of none that was not given', async () => {
    const cached = await startService({ manifest: cachedSvdXt() });
    try {
      const { id } = (await cached.call('POST', '/tasks', { prompt: 'a fox', deepcache_interval: 3 })).body;
      for (const interval of [1, '1']) {
        const again = await cached.call('POST', `/tasks/${id}/rerun`, { deepcache_interval: interval });
        expect(again.body).toMatchObject({ params: { deepcache_interval: 1 }, warnings: [] });
        expect(again.body.params).not.toHaveProperty('deepcache_branch');
      }
      const asked = { deepcache_interval: 1, deepcache_branch: 0 };
      const { body } = await cached.call('POST', `/tasks/${id}/rerun`, asked);
      expect(body.warnings).toEqual([expect.stringMatching(/^deepcache_branch has no effect/)]);
    } finally {
      await cached.close();
    }
  });

  test.each([
    [{ steps: 0 }, 'steps'],
    [{ prompt: 'a wolf' }, 'prompt'],
    [{ seed: 'old' }, 'seed'],
  ])('refuses %j by name', async (overrides, field) => {
    const id = await finished({ prompt: 'a fox' });
    expect(await service.call('POST', `/tasks/${id}/rerun`, overrides)).toMatchObject({
      status: 400,
      body: { field, code: 'invalid_request' },
    });
  });

  test('of an upload has its picture, while the task is unfinished and after its end', async () => {
    const held = holdClips();
    const slow = await startService({ make: held.make });
    try {
      const { id } = (await slow.call('POST', '/tasks', upload({ seed: '3' }))).body;
      await held.running(id);
      const picture = readFileSync(slow.storage.picture(id));
      const again = await slow.call('POST', `/tasks/${id}/rerun`, { seed: 4 });
      expect(again).toMatchObject({ status: 201, body: { source: { type: 'upload' }, seed: 4 } });
      expect(readFileSync(slow.storage.picture(again.body.id))).toEqual(picture);
      held.release(id);
      await slow.ended(id);
      await held.running(again.body.id);
      await slow.call('POST', `/tasks/${again.body.id}/cancel`);
      for (const ended of [id, again.body.id]) {
        const { status, body } = await slow.call('POST', `/tasks/${ended}/rerun`, { seed: 5 });
        expect([status, body.seed]).toEqual([201, 5]);
        expect(readFileSync(slow.storage.picture(body.id))).toEqual(picture);
        expect((await slow.call('DELETE', `/tasks/${body.id}`)).status).toBe(204);
      }
      expect((await slow.call('DELETE', `/tasks/${id}`)).status).toBe(204);
      expect(await readdir(join(slow.folder, 'uploads'))).toEqual([`${again.body.id}.png`]);
    } finally {
      await slow.close();
    }
  });

  test('of an upload that is not kept is refused', async () => {
    const brief = await startService({ env: { KEEP_UPLOADS_HOURS: '0' } });
    try {
      const { id } = (await brief.call('POST', '/tasks', upload())).body;
      await brief.ended(id);
      await brief.runner.close(1000);
      expect(await brief.call('POST', `/tasks/${id}/rerun`)).toMatchObject({
        status: 409,
        body: { error: 'Conflict', code: 'picture_gone' },
      });
      expect(await brief.table.count()).toBe(1);
      expect(existsSync(join(brief.folder, 'uploads'))).toBe(false);
    } finally {
      await brief.close();
    }
  });

  test('takes no other picture, and of an unknown task is a 404', async () => {
    const id = await finished({ prompt: 'a fox' });
    expect(await service.call('POST', `/tasks/${id}/rerun`, upload())).toMatchObject({
      status: 400,
      body: { field: 'image' },
    });
    expect((await service.call('POST', `/tasks/${UNKNOWN}/rerun`)).status).toBe(404);
  });
});
