import { afterEach, beforeEach, expect, test } from '@jest/globals';
import LibsqlDatabase from 'libsql';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService, type Answer, type TestService } from '../support.js';

const rocket = readFileSync(new URL('../../data/rocket.jpg', import.meta.url));

let folder: string;
let service: TestService;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'api-faults-'));
  service = await startService({ folder });
});
afterEach(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

const submit = (path: string, key?: string): Promise<Answer> => {
  const form = new FormData();
  form.append('image', new Blob([rocket]), 'picture.jpg');
  return service.call('POST', path, form, key === undefined ? {} : { 'Idempotency-Key': key });
};
const picturesLeft = (): Promise<string[]> => readdir(join(folder, 'pictures'));

test.each(['/tasks', '/img2vid'])(
  'POST %s while the table is locked is 503, and made once when tried again',
  async (path) => {
    const other = new LibsqlDatabase(join(folder, 'tasks.db'));
    other.exec('BEGIN IMMEDIATE');
    const refused = await submit(path, 'a key');
    expect(refused).toMatchObject({ status: 503, body: { error: 'Service unavailable' } });
    expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/);
    if (path === '/tasks') expect(refused.body.code).toBe('storage_unavailable');
    expect(JSON.stringify(refused.body)).not.toMatch(/SQLITE|locked|tasks\.db/);
    expect(await picturesLeft()).toEqual([]);
    // What is known is told all the while.
    expect(await service.call('GET', '/status')).toMatchObject({ status: 200 });
    expect(await service.call('GET', '/health')).toMatchObject({ status: 200 });
    other.exec('ROLLBACK');
    other.close();
    const [first, second] = [await submit(path, 'a key'), await submit(path, 'a key')];
    expect(first.body.id).toBe(second.body.id);
    expect(await service.ended(first.body.id as string)).toMatchObject({ status: 'completed' });
    expect((await service.call('GET', '/tasks')).body.total).toBe(1);
  },
);

test('a folder that takes no uploads is 503 with its code, no task comes of it, and it passes', async () => {
  await rm(join(folder, 'pictures'), { recursive: true, force: true });
  await writeFile(join(folder, 'pictures'), 'in the way');
  const refused = await submit('/tasks');
  expect(refused).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
  expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/);
  expect((await service.call('GET', '/tasks')).body.total).toBe(0);
  await rm(join(folder, 'pictures'));
  const { status, body } = await submit('/tasks');
  expect(status).toBe(201);
  expect(await service.ended(body.id as string)).toMatchObject({ status: 'completed' });
});

test('a full disk at an upload is 503 storage_full, and nothing of it stays', async () => {
  const { storage } = service;
  const write = storage.write.bind(storage);
  storage.write = async (path, bytes) => {
    await write(path, bytes.subarray(0, 100));
    throw Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });
  };
  expect(await submit('/tasks')).toMatchObject({
    status: 503,
    body: { code: 'storage_full', message: 'The disk of the service is full' },
  });
  expect(await picturesLeft()).toEqual([]);
  storage.write = write;
  expect(await submit('/tasks')).toMatchObject({ status: 201 });
});
