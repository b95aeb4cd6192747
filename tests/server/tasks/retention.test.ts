import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import type { NewTask } from '../../../server/tasks/task.js';
import { listen } from '../event-listener.js';
import { holdClips, makeClip, startService, type TestService } from '../support.js';
import { newId, newTask } from './support.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let service: TestService;
/** Ahead of the real clock, by which tasks end. */
let ahead: number;
const start = async (options: Parameters<typeof startService>[0] = {}): Promise<void> => {
  ahead = 0;
  service = await startService({ now: () => Date.now() + ahead, ...options });
};
afterEach(async () => {
  jest.restoreAllMocks();
  await service.close();
});

const submit = async (changes: Partial<NewTask> = {}): Promise<string> => {
  const source = { type: 'prompt', prompt: 'a fox' };
  const task = newTask({ source, ...changes } as Partial<NewTask>);
  return (await service.runner.submit(task)).id;
};
const complete = async (changes: Partial<NewTask> = {}): Promise<string> => {
  const id = await submit(changes);
  await service.ended(id);
  return id;
};
/** The ids, oldest first, of those that still have a row. */
const rows = async (): Promise<string[]> =>
  (await service.table.list({ limit: 500 })).map(({ id }) => id).reverse();
const folders = async (): Promise<string[]> =>
  (await readdir(join(service.folder, 'media'), { recursive: true })).filter((path) =>
    /^..\/\w{32}$/.test(path),
  );

describe('by age', () => {
  test('a task that ended longer ago is deleted with its files, its links and its row; others are not', async () => {
    await start({ env: { KEEP_DAYS: '2' } });
    const old = await complete();
    expect(await folders()).toHaveLength(1);
    ahead = 2 * DAY - HOUR;
    await service.retention.round();
    expect(await rows()).toEqual([old]);
    ahead = 2 * DAY + HOUR;
    await service.retention.round();
    expect(await rows()).toEqual([]);
    expect(await folders()).toEqual([]);
    expect((await service.call('GET', `/tasks/${old}`)).status).toBe(404);
    expect((await service.call('GET', `/download/video/${old}`)).status).toBe(404);
  });

  test('tasks that failed or were cancelled go too', async () => {
    await start({ env: { KEEP_DAYS: '1' }, make: () => Promise.reject(new Error('no')) });
    await complete();
    const cancelled = await submit();
    await service.runner.cancel(cancelled);
    ahead = DAY + HOUR;
    await service.retention.round();
    expect(await rows()).toEqual([]);
  });

  test('a task that has not ended stays, however old', async () => {
    const held = holdClips();
    await start({ env: { KEEP_DAYS: '1' }, make: held.make });
    const running = await submit({ expiresAt: Date.now() - DAY });
    await held.running(running);
    const waiting = await submit();
    ahead = 100 * DAY;
    await service.retention.round();
    expect(await rows()).toEqual([running, waiting]);
    held.release(running);
    expect((await service.ended(running)).status).toBe('completed');
  });

  test('without a limit everything stays', async () => {
    await start();
    const id = await complete();
    ahead = 10_000 * DAY;
    await service.retention.round();
    expect(await rows()).toEqual([id]);
  });
});

describe('at a time of its own', () => {
  test('a task is deleted, not before, and the next look comes at that time', async () => {
    await start({ env: { KEEP_DAYS: '1' } });
    const expiresAt = Date.now() + 30_000;
    const [, lasting] = [await complete({ expiresAt }), await complete({ expiresAt: Date.now() + 90 * DAY })];
    const wait = await service.retention.round();
    expect(wait).toBeGreaterThan(20_000);
    expect(wait).toBeLessThanOrEqual(30_000);
    expect(await rows()).toHaveLength(2);
    ahead = 30_001;
    await service.retention.round();
    expect(await rows()).toEqual([lasting]);
    // The service's own rule is for tasks that have none of theirs.
    ahead = 30 * DAY;
    await service.retention.round();
    expect(await rows()).toEqual([lasting]);
  });

  test('those who follow the tasks are told', async () => {
    await start();
    const id = await complete({ expiresAt: Date.now() + HOUR });
    const stream = listen(`${service.url}/events`);
    await stream.connected();
    ahead = 2 * HOUR;
    await service.retention.round();
    expect((await stream.until(({ event }) => event === 'deleted')).data).toEqual({ id });
    stream.close();
  });
});

describe('by size', () => {
  test('the oldest finished tasks go until the others have room', async () => {
    const held = holdClips();
    let hold = false;
    await start({
      // A little above 2.5 MB.
      env: { MAX_MEDIA_GB: '0.0025' },
      make: async (job, run) => {
        if (hold) return held.make(job, run);
        await writeFile(join(job.folder, 'grid.mp4'), Buffer.alloc(1e6));
        return makeClip(job);
      },
    });
    const ids = [await complete(), await complete(), await complete(), await complete()];
    hold = true;
    const running = await submit();
    await held.running(running);
    await service.retention.takeStock();
    expect(service.retention.mediaBytes).toBeGreaterThan(4e6);
    await service.retention.round();
    expect(await rows()).toEqual([...ids.slice(2), running]);
    await service.retention.takeStock();
    expect(service.retention.mediaBytes).toBeGreaterThan(2e6);
    expect(service.retention.mediaBytes).toBeLessThan(2.1e6);
    await service.retention.round();
    expect(await rows()).toHaveLength(3);
  });
});

test('an upload is kept for its hours after its task has ended, whatever else is kept', async () => {
  await start({ env: { KEEP_UPLOADS_HOURS: '3' } });
  const { id } = newTask();
  await service.storage.write(service.storage.picture(id), Buffer.from('png'));
  await service.runner.submit(newTask({ id }));
  await service.ended(id);
  await service.runner.close(1000);
  for (const [hours, kept] of [
    [2.9, true],
    [3.1, false],
  ] as const) {
    ahead = hours * HOUR;
    await service.retention.round();
    expect((await service.storage.readPicture(id)) !== undefined).toBe(kept);
  }
  expect(await rows()).toEqual([id]);
});

test('a download that is under way when its task is deleted gets all its bytes', async () => {
  const video = Buffer.alloc(8e6, 'video');
  await start({
    env: { KEEP_DAYS: '1' },
    make: async (job) => {
      const result = await makeClip(job);
      await writeFile(join(job.folder, 'video-0.mp4'), video);
      return result;
    },
  });
  const id = await complete();
  const [response] = (await once(get(`${service.url}/download/video/${id}`), 'response')) as [
    IncomingMessage,
  ];
  ahead = 2 * DAY;
  await service.retention.round();
  expect(await folders()).toEqual([]);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).equals(video)).toBe(true);
});

test('a task whose files cannot be removed keeps its row, does not hold up the others, and goes later', async () => {
  await start({ env: { KEEP_DAYS: '1' } });
  const [stuck, other] = [await complete(), await complete()];
  const remove = (id: string): Promise<void> => rm(service.storage.folder(id), { recursive: true });
  const fault = jest
    .spyOn(service.storage, 'remove')
    .mockImplementation((id) => (id === stuck ? Promise.reject(new Error('EROFS')) : remove(id)));
  ahead = 2 * DAY;
  await service.retention.round();
  expect(await rows()).toEqual([stuck]);
  expect(await rows()).not.toContain(other);
  fault.mockRestore();
  await service.retention.round();
  expect(await rows()).toEqual([]);
});

test('the log names each task that was deleted, and none that somebody else deleted meanwhile', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'info' },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  await start({ env: { KEEP_DAYS: '2' }, log });
  const [gone, old] = [await complete(), await complete()];
  const remove = service.runner.remove.bind(service.runner);
  jest.spyOn(service.runner, 'remove').mockImplementation(async (id) => {
    if (id === gone) await remove(id); // by a client
    return remove(id);
  });
  ahead = 3 * DAY;
  await service.retention.round();
  expect(await rows()).toEqual([]);
  expect(lines.filter(({ msg }) => msg === 'task deleted').map(({ task }) => task)).toEqual([old]);
});

test('one round removes a hundred, and the next comes soon', async () => {
  await start({ env: { KEEP_DAYS: '1' }, obtain: () => Promise.reject(new Error('no')) });
  const ids = await Promise.all(Array.from({ length: 103 }, () => submit()));
  for (const id of ids) await service.ended(id);
  ahead = 2 * DAY;
  expect(await service.retention.round()).toBe(1000);
  expect(await rows()).toHaveLength(3);
  expect(await service.retention.round()).toBe(60_000);
  expect(await rows()).toHaveLength(0);
});

describe('taking stock', () => {
  test('removes folders of no task and nothing else', async () => {
    await start();
    const id = await complete();
    const orphan = service.storage.folder(newId());
    await mkdir(orphan, { recursive: true });
    await writeFile(join(orphan, 'video-0.mp4'), 'video');
    const foreign = join(service.folder, 'media', 'notes');
    await mkdir(foreign);
    await service.retention.takeStock();
    expect(await folders()).toEqual([`${id.slice(0, 2)}/${id}`]);
    expect(await readdir(dirname(foreign))).toContain('notes');
  });

  test('begins at the start, with a round after it', async () => {
    await start({ env: { KEEP_DAYS: '1' } });
    const id = await complete();
    ahead = 2 * DAY;
    const gone = new Promise<string>((resolve) => {
      service.table.on('change', (changed, change) => change === 'removed' && resolve(changed));
    });
    service.retention.start();
    expect(await gone).toBe(id);
  });

  test('is no hindrance where the folder cannot be read', async () => {
    await start({ env: { KEEP_DAYS: '1' } });
    const id = await complete();
    await rm(join(service.folder, 'media'), { recursive: true });
    await writeFile(join(service.folder, 'media'), 'no folder');
    await service.retention.takeStock();
    ahead = 2 * DAY;
    await service.retention.round();
    expect(await rows()).toEqual([id]);
    await rm(join(service.folder, 'media'));
    await service.retention.round();
    expect(await rows()).toEqual([]);
  });
});
