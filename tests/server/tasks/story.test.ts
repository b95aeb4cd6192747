import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PipelineError } from '../../../pipeline/errors.js';
import { ServiceError } from '../../../server/errors.js';
import type { PictureObtainer } from '../../../server/images/obtain.js';
import { makeStory, startService, VIDEO, withResolvers, type TestService } from '../support.js';

type Obtain = PictureObtainer['obtain'];

const STORY = { scenes: ['a', 'b', 'c', 'd'], seed: 5, async: true };
const promptOf = (source: Parameters<Obtain>[0]): string => (source.type === 'prompt' ? source.prompt : '');
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

let folder: string;
const services: TestService[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'story-'));
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
  rmSync(folder, { recursive: true, force: true });
});

const start = async (options: Parameters<typeof startService>[0] = {}): Promise<TestService> => {
  const service = await startService({ ...options, folder });
  services.push(service);
  return service;
};
const stop = async (service: TestService): Promise<void> => {
  services.splice(services.indexOf(service), 1);
  await service.close();
};
const submit = async (service: TestService, body: object = STORY): Promise<string> =>
  (await service.call('POST', '/generate-video', body)).body.id as string;
/** Waits until something holds after a change of the table. */
async function until<T>(service: TestService, look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const next = new Promise((resolve) => service.table.once('change', resolve));
    const found = await look();
    if (found !== undefined) return found;
    await next;
  }
}
const left = async (name: string): Promise<string[]> => readdir(join(folder, name)).catch(() => []);

describe('the pictures of a story', () => {
  test('are asked for at the same time, no more of them than the lane allows, whichever task they are of', async () => {
    let now = 0;
    let most = 0;
    const service = await start({
      obtain: async (source) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        return { png: Buffer.from(promptOf(source)), placeholder: true };
      },
    });
    const ids = [await submit(service), await submit(service), await submit(service)];
    for (const id of ids) expect((await service.ended(id)).status).toBe('completed');
    expect(most).toBe(2); // the service's PICTURE_CONCURRENCY
    const [first] = service.stories;
    expect(first.pictures).toEqual([0, 1, 2, 3].map((n) => join(folder, 'pictures', `${first.id}-${n}.png`)));
    expect((await service.call('GET', `/tasks/${ids[0]}`)).body.source.placeholder).toBe(true);
    await service.runner.close(1000);
    expect(await left('pictures')).toEqual([]);
  });

  test('count together in the progress of the task', async () => {
    const gate = withResolvers();
    const service = await start({
      obtain: async (source, _, { onProgress }) => {
        onProgress(0.5);
        if (promptOf(source) !== 'a') await gate.promise;
        return { png: Buffer.from('png'), placeholder: false };
      },
    });
    const id = await submit(service, { ...STORY, scenes: ['a', 'b'] });
    // One is there, the other half done: 0.75 of the share of 0.8 that pictures have where they stand still.
    const task = await until(service, async () => {
      const seen = await service.table.get(id);
      return seen && seen.progress >= 0.6 ? seen : undefined;
    });
    expect(task).toMatchObject({ stage: 'image', progress: expect.closeTo(0.6) });
    gate.resolve();
    await service.ended(id);
  });

  test('that are there already are not asked for again after a restart', async () => {
    const asked: string[] = [];
    let isFirst = true;
    const obtain: Obtain = async (source, _, { signal }) => {
      asked.push(promptOf(source));
      // The first process gets two of the four.
      if (isFirst && ['c', 'd'].includes(promptOf(source))) await aborted(signal);
      return { png: Buffer.from(`picture of ${promptOf(source)}`), placeholder: false };
    };
    const first = await start({ obtain });
    const id = await submit(first);
    await until(first, async () => ((await left('pictures')).length === 2 ? true : undefined));
    await stop(first);
    expect(await left('pictures')).toEqual([`${id}-0.png`, `${id}-1.png`]);

    isFirst = false;
    asked.length = 0;
    const seen: string[] = [];
    const second = await start({
      obtain,
      makeStory: async (job) => {
        for (const path of job.pictures) seen.push(await readFile(path, 'utf8'));
        return makeStory(job);
      },
    });
    expect((await second.ended(id)).status).toBe('completed');
    expect(asked.sort()).toEqual(['c', 'd']);
    expect(seen).toEqual(['a', 'b', 'c', 'd'].map((scene) => `picture of ${scene}`));
    await second.runner.close(1000);
    expect(await left('pictures')).toEqual([]);
  });

  test('that cannot be had end the others and the task, with the scene named', async () => {
    const ended: string[] = [];
    const begun = withResolvers();
    const service = await start({
      obtain: async (source, _, { signal }) => {
        if (promptOf(source) === 'b') {
          await begun.promise;
          throw new ServiceError(502, 'provider_quota', 'The quota is used up');
        }
        begun.resolve();
        await aborted(signal).finally(() => ended.push(promptOf(source)));
        throw new Error('never');
      },
    });
    const id = await submit(service);
    expect(await service.ended(id)).toMatchObject({
      status: 'error',
      stage: 'image',
      error: { code: 'provider_quota', message: 'Scene 2: The quota is used up' },
    });
    expect(ended).toEqual(['a']); // the two others were not begun
    expect(await left('pictures')).toEqual([]);
  });
});

describe('a story that is cancelled', () => {
  test('while its pictures are asked for leaves nothing', async () => {
    const gate = withResolvers();
    const service = await start({
      obtain: async (source, _, { signal }) => {
        if (promptOf(source) !== 'a') {
          gate.resolve();
          await aborted(signal);
        }
        return { png: Buffer.from('png'), placeholder: false };
      },
    });
    const id = await submit(service);
    await gate.promise;
    await service.call('POST', `/tasks/${id}/cancel`);
    expect(await service.ended(id)).toMatchObject({ status: 'error', error: { code: 'cancelled' } });
    await service.runner.close(1000);
    expect(await left('pictures')).toEqual([]);
    expect(service.stories).toEqual([]);
  });

  test('on its device leaves neither pictures nor half-made files', async () => {
    const running = withResolvers();
    const service = await start({
      makeStory: async (_, { signal }) => {
        running.resolve();
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        throw new PipelineError('cancelled', 'Cancelled');
      },
    });
    const id = await submit(service);
    await running.promise;
    await service.call('DELETE', `/tasks/${id}`);
    await service.runner.close(1000);
    for (const name of ['pictures', 'work']) expect(await left(name)).toEqual([]);
    expect((await service.call('GET', `/tasks/${id}`)).status).toBe(404);
  });
});

test('a story whose worker dies is tried again with the pictures it has, and given up the third time', async () => {
  const asked: string[] = [];
  let deaths = 0;
  const service = await start({
    obtain: (source) => {
      asked.push(promptOf(source));
      return Promise.resolve({ png: Buffer.from('png'), placeholder: false });
    },
    makeStory: (job) =>
      ++deaths === 2
        ? makeStory(job)
        : Promise.reject(new PipelineError('worker_crashed', 'The worker process died')),
  });
  const id = await submit(service);
  expect(await service.ended(id)).toMatchObject({ status: 'completed' });
  expect(asked).toHaveLength(4);
  deaths = 10;
  expect(await service.ended(await submit(service))).toMatchObject({ error: { code: 'worker_crashed' } });
  expect(deaths).toBe(13);
});

test('the time limit of an animated story is that of all its clips', async () => {
  const limits: (number | undefined)[] = [];
  const service = await start({
    makeStory: (job, { timeoutMs }) => {
      limits.push(timeoutMs);
      return makeStory(job);
    },
  });
  await service.ended(await submit(service));
  await service.ended(await submit(service, { ...STORY, animate: true }));
  expect(limits).toEqual([60_000, 240_000]);
});

describe('a rerun', () => {
  test('of a story or a picture makes the same again, with another seed on demand', async () => {
    const service = await start();
    for (const [path, body] of [
      ['/generate-video', { ...STORY, animate: true }],
      ['/generate', { prompt: 'a', seed: 5, async: true }],
    ] as const) {
      const { body: earlier } = await service.call('POST', path, body);
      await service.ended(earlier.id as string);
      const again = await service.call('POST', `/tasks/${earlier.id}/rerun`);
      expect(again.status).toBe(201);
      expect(again.body).toMatchObject({
        kind: earlier.kind,
        source: earlier.source,
        params: earlier.params,
      });
      expect((await service.ended(again.body.id as string)).status).toBe('completed');
      const other = await service.call('POST', `/tasks/${earlier.id}/rerun`, { seed: 77 });
      expect(other.body).toMatchObject({ seed: 77 });
      const drawn = await service.call('POST', `/tasks/${earlier.id}/rerun`, { seed: 'new' });
      expect([5, 77]).not.toContain(drawn.body.seed);
      expect(await service.call('POST', `/tasks/${earlier.id}/rerun`, { W: 64 })).toMatchObject({
        status: 400,
        body: { field: 'W' },
      });
    }
  });
});

test('a picture alone survives a restart, and needs no device', async () => {
  const first = await start({ obtain: (_, __, { signal }) => aborted(signal) });
  const { id } = (await first.call('POST', '/generate', { prompt: 'a', async: true })).body;
  await until(first, async () => (await first.table.get(id))?.startedAt ?? undefined);
  await stop(first);
  const second = await start({ obtain: () => Promise.resolve({ png: VIDEO, placeholder: true }) });
  expect(await second.ended(id)).toMatchObject({ status: 'completed', queue_position: null });
  await access(second.storage.file(id, 'picture.png'));
  for (const name of ['pictures', 'work']) expect(await left(name)).toEqual([]);
});
