import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService, type Answer, type TestService } from '../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url)));
const HOUR = 60 * 60 * 1000;

let service: TestService;
beforeEach(async () => {
  service = await startService();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await service.close();
});

const post = (path: string, body: unknown, key: string): Promise<Answer> =>
  service.call('POST', path, body, { 'idempotency-key': key });
const upload = (bytes: Uint8Array = photo): FormData => {
  const form = new FormData();
  form.append('seed', '4');
  form.append('image', new Blob([new Uint8Array(bytes)]), 'p.jpg');
  return form;
};

describe.each([
  ['/tasks', 201],
  ['/img2vid', 200],
])('on POST %s', (path, created) => {
  test('the same key with the same body gives the same task again, as it is by then', async () => {
    const first = await post(path, { prompt: 'a fox' }, 'key-1');
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([created, null]);
    await service.ended(first.body.id);
    const again = await post(path, { prompt: 'a fox' }, 'key-1');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([created, 'true']);
    expect(again.body).toMatchObject({ id: first.body.id, seed: first.body.seed, status: 'completed' });
    expect(await service.table.count()).toBe(1);
  });

  test('another body is a 422 that names the header, and makes no task', async () => {
    await post(path, { prompt: 'a fox' }, 'key-1');
    for (const body of [{ prompt: 'a wolf' }, { prompt: 'a fox', seed: 1 }, upload(), { wrong: 1 }]) {
      const { status, body: error } = await post(path, body, 'key-1');
      expect([status, error.error, error.field]).toEqual([422, 'Unprocessable content', 'Idempotency-Key']);
    }
    expect(await service.table.count()).toBe(1);
  });

  test('requests at the same time make one task', async () => {
    for (let i = 0; i < 10; i++) {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => post(path, { prompt: 'a fox' }, `key-${i}`)),
      );
      expect(new Set(answers.map(({ body }) => body.id as string)).size).toBe(1);
      expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(created));
      expect(answers.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
    }
    expect(await service.table.count()).toBe(10);
  });

  test('uploads are told apart by their bytes, not by the form around them, and leave one picture', async () => {
    const [a, b] = await Promise.all([post(path, upload(), 'key-1'), post(path, upload(), 'key-1')]);
    expect(a.body.id).toBe(b.body.id);
    const other = Buffer.from(photo);
    other[other.length - 3] ^= 1;
    expect((await post(path, upload(other), 'key-1')).status).toBe(422);
    await service.ended(a.body.id);
    await service.runner.close(1000);
    expect(await readdir(join(service.folder, 'pictures'))).toEqual([]);
  });

  test('a refused request leaves its key free', async () => {
    expect((await post(path, { prompt: 'a fox', steps: 0 }, 'key-1')).status).toBe(400);
    expect((await post(path, { prompt: 'a fox', steps: 5 }, 'key-1')).status).toBe(created);
  });

  test.each(['ä', 'x'.repeat(256)])('a key such as %s is a 400', async (key) => {
    const { status, body } = await post(path, { prompt: 'a fox' }, key);
    expect([status, body.field]).toEqual([400, 'Idempotency-Key']);
  });
});

test('different keys, and no key, make different tasks', async () => {
  const ids = [
    (await post('/tasks', { prompt: 'a fox' }, 'a')).body.id,
    (await post('/tasks', { prompt: 'a fox' }, 'A')).body.id,
    (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id,
    (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id,
  ];
  expect(new Set(ids).size).toBe(4);
});

test('both routes share the keys: they make the same tasks', async () => {
  const a = await post('/tasks', { prompt: 'a fox' }, 'k');
  const b = await post('/img2vid', { prompt: 'a fox' }, 'k');
  expect([b.status, b.body.id, b.body.urls]).toEqual([200, a.body.id, undefined]);
});

test('a rerun is made once for each key, and is no other task’s rerun', async () => {
  const [a, b] = [
    (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id,
    (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id,
  ];
  const first = await post(`/tasks/${a}/rerun`, { seed: 'new' }, 'k');
  const again = await post(`/tasks/${a}/rerun`, { seed: 'new' }, 'k');
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.body).toMatchObject({ id: first.body.id, seed: first.body.seed });
  expect((await post(`/tasks/${b}/rerun`, { seed: 'new' }, 'k')).status).toBe(422);
});

test('a key stands for its task for 24 hours', async () => {
  const { id } = (await post('/tasks', { prompt: 'a fox' }, 'k')).body;
  const start = Date.now();
  const clock = jest.spyOn(Date, 'now');
  clock.mockReturnValue(start + 24 * HOUR - 60_000);
  expect((await post('/tasks', { prompt: 'a fox' }, 'k')).body.id).toBe(id);
  clock.mockReturnValue(start + 24 * HOUR + 60_000);
  const later = await post('/tasks', { prompt: 'a wolf' }, 'k');
  expect([later.status, later.headers.get('idempotent-replayed')]).toEqual([201, null]);
  expect(later.body.id).not.toBe(id);
  expect((await post('/tasks', { prompt: 'a wolf' }, 'k')).body.id).toBe(later.body.id);
});

test('a retry does not bring back a task that was deleted', async () => {
  const { id } = (await post('/tasks', { prompt: 'a fox' }, 'k')).body;
  await service.call('DELETE', `/tasks/${id}`);
  expect(await post('/tasks', { prompt: 'a fox' }, 'k')).toMatchObject({
    status: 410,
    body: { error: 'Gone', code: 'task_deleted' },
  });
  expect(await service.table.count()).toBe(0);
});

test('keys outlive the server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  try {
    const before = await startService({ folder });
    const key = { 'idempotency-key': 'k' };
    const { id } = (await before.call('POST', '/tasks', { prompt: 'a fox' }, key)).body;
    await before.close();
    const after = await startService({ folder });
    expect((await after.call('POST', '/tasks', { prompt: 'a fox' }, key)).body.id).toBe(id);
    expect((await after.call('POST', '/tasks', { prompt: 'a wolf' }, key)).status).toBe(422);
    await after.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
