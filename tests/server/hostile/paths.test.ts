import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askRaw } from '../raw-request.js';
import { startHostileService, type HostileService } from './hostile-service.js';

const SECRET = 'what no client may see';
const ID = 'a'.repeat(32);

let h: HostileService;
beforeAll(async () => {
  h = await startHostileService();
  await writeFile(join(h.service.folder, 'tasks.db'), SECRET);
});
afterAll(() => h.service.close());

const get = (path: string): Promise<string> =>
  askRaw(h.service.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);

test.each([
  '..',
  '../..',
  '../../tasks.db',
  '..%2f..%2f',
  '..%2f..%2ftasks.db',
  '..%5c..%5ctasks.db',
  '%2e%2e%2f%2e%2e%2ftasks.db',
  '%252e%252e%252ftasks.db',
  '....//....//tasks.db',
  '/etc/passwd',
  '%2fetc%2fpasswd',
  '//host/share',
  '.env',
  'tasks.db',
  '%00',
  `${ID}%00.mp4`,
  `${ID.slice(1)}/`,
  ID.toUpperCase(),
  `${ID}/video-0.mp4`,
  `${ID}?index=../../x`,
  `${ID}?index=-1`,
  '%ff%fe',
  '%',
  'x'.repeat(8000),
])('a download of %j finds nothing', async (probe) => {
  for (const kind of ['video', 'thumbnail', 'grid']) {
    const said = await get(`/download/${kind}/${probe}`);
    expect(said).toMatch(/^HTTP\/1\.1 (400|404) /);
    expect(said).toMatch(/content-type: application\/json/i);
    expect(said).not.toContain(SECRET);
  }
  expect(h.errors).toEqual([]);
});

test.each([
  '/static/..%2findex.html',
  '/.env',
  '/tasks.db',
  '/download/',
  '/download/../tasks.db',
  '//host/share',
  '/file=http://127.0.0.1/',
  '/proxy=http://169.254.169.254/',
  '/view?filename=../tasks.db',
  '/shutdown',
])('%s leads nowhere', async (path) => {
  expect(await get(path)).toMatch(/^HTTP\/1\.1 404 /);
});

test('a link in the place of a file is not followed', async () => {
  const { storage, folder } = h.service;
  const video = storage.file(h.task, 'video-0.mp4');
  expect(await get(`/download/video/${h.task}`)).toMatch(/^HTTP\/1\.1 200 /);
  await storage.remove(h.task);
  const work = await storage.createWork(h.task);
  await symlink(join(folder, 'tasks.db'), join(work, 'video-0.mp4'));
  await storage.publishWork(work, h.task);
  const said = await get(`/download/video/${h.task}`);
  expect([said.slice(0, 12), said.includes(SECRET), video.startsWith(folder)]).toEqual([
    'HTTP/1.1 404',
    false,
    true,
  ]);
});
