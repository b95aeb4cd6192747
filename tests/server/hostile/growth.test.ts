import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jsonEndpoints, UPLOADS } from './endpoints.js';
import { hostileFiles } from './files.js';
import { startHostileService, type HostileService } from './hostile-service.js';
import { HOSTILE_PICTURE_TEXTS, hostileRequests } from './requests.js';

const REQUESTS = 1000;
/** Bytes that memory may have grown by after all of them: 8 kB for each, less than the body of most. */
const GROWTH = 8 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let h: HostileService;
beforeAll(async () => {
  h = await startHostileService();
});
afterAll(() => h.service.close());

const handles = (): number => readdirSync('/proc/self/fd').length;
const files = (): string[] =>
  readdirSync(h.service.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
/** Buffers are freed some time after what held them. */
const memory = async (): Promise<number> => {
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Every request of the corpus, ready to be sent; gives its status. */
async function corpus(): Promise<(() => Promise<number>)[]> {
  const pictures = await hostileFiles();
  const endpoints = jsonEndpoints(h.task);
  return [
    ...UPLOADS.flatMap((endpoint) => pictures.map((file) => () => h.upload(endpoint, file))),
    ...endpoints.flatMap((endpoint) => hostileRequests(endpoint).map((request) => () => h.send(request))),
    ...endpoints
      .filter(({ withPicture }) => withPicture)
      .flatMap((endpoint) => HOSTILE_PICTURE_TEXTS.map((text) => () => h.sendText(endpoint, text))),
  ];
}

/** Sends `count` requests, eight at a time, and deletes the tasks that were made of them. */
async function barrage(all: readonly (() => Promise<number>)[], count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i += 8) {
    const some = Array.from({ length: Math.min(8, count - i) }, (_, k) => all[(i + k) % all.length]());
    statuses.push(...(await Promise.all(some)));
  }
  for (const { id } of (await h.service.call('GET', '/tasks?limit=10000')).body.tasks) {
    if (id !== h.task) await h.service.call('DELETE', `/tasks/${String(id)}`);
  }
  return statuses;
}

test(`after ${REQUESTS} hostile requests neither memory, files nor handles have grown`, async () => {
  const all = await corpus();
  await barrage(all, 100); // what is made once is made by now
  const before = { memory: await memory(), handles: handles(), files: files() };
  const statuses = await barrage(all, REQUESTS);
  expect(statuses).toHaveLength(REQUESTS);
  expect(statuses.filter((status) => status >= 500)).toEqual([]);
  expect(h.errors).toEqual([]);
  expect((await memory()) - before.memory).toBeLessThan(GROWTH);
  expect(handles()).toBeLessThanOrEqual(before.handles + 2);
  expect(files()).toEqual(before.files);
  expect((await h.service.call('GET', '/health')).status).toBe(200);
}, 300_000);
