import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kysely, SqliteDialect } from 'kysely';
import LibsqlDatabase from 'libsql';
import { mkdtempSync, rmSync } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { PipelineError } from '../../../pipeline/errors.js';
import { createMediaStorage, type MediaStorage } from '../../../server/media/storage.js';
import { storageFault } from '../../../server/storage-fault.js';
import { openDatabase, type Tables } from '../../../server/tasks/database.js';
import { TaskRunner } from '../../../server/tasks/runner.js';
import { forKysely, openSqlite } from '../../../server/tasks/sqlite.js';
import { TaskTable } from '../../../server/tasks/table.js';
import type { NewTask } from '../../../server/tasks/task.js';
import { holdClips, makeClip, withResolvers, type Make } from '../support.js';
import { ended, newTask } from './support.js';

let folder: string;
let file: string;
let sqlite: LibsqlDatabase.Database;
let table: TaskTable;
let storage: MediaStorage;
const runners: TaskRunner[] = [];
/** What the log said. */
let said: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'faults-'));
  file = join(folder, 'tasks.db');
  await (await openDatabase(file)).destroy();
  sqlite = openSqlite(file);
  table = await TaskTable.open(
    new Kysely<Tables>({ dialect: new SqliteDialect({ database: forKysely(sqlite) }) }),
  );
  storage = createMediaStorage(folder);
  said = [];
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.close(0)));
  await table.close();
  rmSync(folder, { recursive: true });
});

const start = (make: Make = makeClip, storagePausesMs = [1, 1]): TaskRunner => {
  const runner = new TaskRunner({
    table,
    storage,
    pictures: { obtain: () => Promise.resolve({ png: Buffer.from('png'), placeholder: true }) },
    workers: { size: 1, run: make },
    log: pino(
      { level: 'warn' },
      { write: (line: string) => said.push((JSON.parse(line) as { msg: string }).msg) },
    ),
    pictureConcurrency: 1,
    clipTimeoutMs: 60_000,
    keepsUploads: false,
    clipCost: ({ W, H, T, steps }) => W * H * T * steps,
    storagePausesMs,
  });
  runners.push(runner);
  return runner;
};
const submit = async (runner: TaskRunner, changes: Partial<NewTask> = {}): Promise<string> => {
  const task = newTask(changes);
  if (task.source.type === 'upload') await storage.write(storage.picture(task.id), Buffer.from('png'));
  return (await runner.submit(task)).id;
};
/** Waits until the log has said it. */
const hears = async (message: string): Promise<void> => {
  while (!said.includes(message)) await new Promise((resolve) => setImmediate(resolve));
};

/** Ways in which the table refuses to be written to, for real; each gives what ends it. */
const faults: Readonly<Record<string, () => () => void>> = {
  'locked by another program': () => {
    const other = new LibsqlDatabase(file);
    other.exec('BEGIN IMMEDIATE');
    return () => {
      other.exec('ROLLBACK');
      other.close();
    };
  },
  'read-only': () => {
    sqlite.pragma('query_only = ON');
    return () => void sqlite.pragma('query_only = OFF');
  },
  full: () => {
    const [{ page_count: pages }] = sqlite.pragma('page_count') as [{ page_count: number }];
    sqlite.exec('CREATE TABLE filler (bytes)');
    sqlite.pragma(`max_page_count = ${pages + 2}`);
    for (let size = 4000; size > 1; size = Math.floor(size / 2)) fill(size);
    return () => void sqlite.pragma('max_page_count = 1000000');
  },
};

/** Takes up room in pieces of a size until there is none. */
function fill(size: number): void {
  try {
    for (;;) sqlite.exec(`INSERT INTO filler VALUES (zeroblob(${size}))`);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SQLITE_FULL' });
  }
}

describe.each(Object.keys(faults))('while the table is %s', (name) => {
  test('a task is refused whole, what is known can be read, and the next is taken when it is over', async () => {
    const known = await table.create(newTask());
    const end = faults[name]();
    const task = newTask({ warnings: ['w'.repeat(5000)] });
    const claim = { owner: '', key: 'k', fingerprint: 'f' };
    for (let i = 0; i < 2; i++) {
      const error: unknown = await table.createOnce(task, claim).catch((e: unknown) => e);
      expect(storageFault(error)).toMatchObject({
        status: 503,
        code: name === 'full' ? 'storage_full' : 'storage_unavailable',
      });
    }
    expect(await table.get(known.id)).toMatchObject({ status: 'queued' });
    expect(await table.get(task.id)).toBeUndefined();
    end();
    expect(await table.get(task.id)).toBeUndefined();
    expect(await table.createOnce(task, claim)).toMatchObject({ id: task.id });
    expect(await table.start(task.id, 'encode')).toBe(true);
  });
});

describe.each(['locked by another program', 'read-only'])('while the table is %s', (name) => {
  test('a clip that is finished is completed as soon as that can be written, and the next one runs', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const [id, next] = [await submit(runner), await submit(runner)];
    await held.running(id);
    const end = faults[name]();
    held.release(id);
    held.release(next);
    await hears('the task table cannot be written');
    expect(await table.get(id)).toMatchObject({ status: 'processing' });
    end();
    expect(await ended(table, id)).toMatchObject({ status: 'completed' });
    await access(storage.file(id, 'video-0.mp4'));
    expect(await ended(table, next)).toMatchObject({ status: 'completed', attempts: 1, crashes: 0 });
  });

  test('a clip whose worker dies, and one that begins, are tried again when it is over', async () => {
    const dying = withResolvers();
    const running = withResolvers();
    let runs = 0;
    const runner = start(async (job) => {
      if (runs++ > 0) return makeClip(job);
      running.resolve();
      await dying.promise;
      throw new PipelineError('worker_crashed', 'It died (SIGKILL)');
    });
    const id = await submit(runner);
    await running.promise;
    const end = faults[name]();
    dying.resolve();
    await hears('the task table cannot be written');
    end();
    expect(await ended(table, id)).toMatchObject({ status: 'completed', crashes: 1 });
  });

  test('a task that got its picture goes on when it is over', async () => {
    const runner = start();
    let end = (): void => undefined;
    table.once('change', () => {
      table.once('change', () => setImmediate(() => (end = faults[name]()))); // its start is written down
    });
    const id = await submit(runner, { source: { type: 'prompt', prompt: 'a fox' } });
    await hears('the task table cannot be written');
    end();
    expect(await ended(table, id)).toMatchObject({ status: 'completed' });
  });

  test('a stop does not wait for it, and the next start makes the clip', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const id = await submit(runner);
    await held.running(id);
    const end = faults[name]();
    held.release(id);
    await hears('the task table cannot be written');
    await runner.close(0);
    end();
    const second = start();
    await second.recover();
    expect(await ended(table, id)).toMatchObject({ status: 'completed' });
  });
});

describe('a clip for which the disk has no room', () => {
  const noRoom = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  const full = (): Promise<never> => Promise.reject(new PipelineError('storage_full', 'The disk is full'));

  test('waits and is made when there is room, others first', async () => {
    const order: string[] = [];
    const bothThere = withResolvers();
    const runner = start(async (job) => {
      order.push(job.id);
      await bothThere.promise;
      return order.length === 1 ? full() : makeClip(job);
    });
    const [first, second] = [await submit(runner), await submit(runner)];
    bothThere.resolve();
    expect(await ended(table, first)).toMatchObject({ status: 'completed', crashes: 0, attempts: 1 });
    expect(order).toEqual([first, second, first]);
  });

  test('fails by that name when it has waited often enough', async () => {
    let runs = 0;
    const runner = start(() => (runs++, full()));
    const id = await submit(runner);
    expect(await ended(table, id)).toMatchObject({
      status: 'error',
      error: { code: 'storage_full', message: 'The disk of the service is full' },
    });
    expect(runs).toBe(3);
    await runner.close(1000);
    expect(await storage.hasPicture(id)).toBe(false);
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([]);
  });

  test('can be cancelled while it waits', async () => {
    let runs = 0;
    const runner = start(() => (runs++, full()), [60_000]);
    const id = await submit(runner);
    await hears('storage fault, the task waits');
    expect(await runner.cancel(id)).toMatchObject({ status: 'error', error: { code: 'cancelled' } });
    said.length = 0;
    const next = await submit(runner);
    await hears('storage fault, the task waits');
    await runner.cancel(next);
    await runner.close(1000);
    expect(runs).toBe(2);
    expect(await readdir(join(folder, 'pictures'))).toEqual([]);
    expect(await table.unfinished()).toEqual([]);
  });

  test.each(['createWork', 'publishWork'] as const)('is told by %s too', async (step) => {
    const whole = storage[step].bind(storage) as (...args: string[]) => Promise<unknown>;
    let calls = 0;
    const failing = (...args: string[]): Promise<unknown> => (calls++ === 0 ? noRoom() : whole(...args));
    Object.assign(storage, { [step]: failing });
    const id = await submit(start());
    expect(await ended(table, id)).toMatchObject({ status: 'completed' });
    expect(calls).toBe(2);
    expect(said).toContain('storage fault, the task waits');
  });

  test('is told while its picture is stored too', async () => {
    const write = storage.write.bind(storage);
    let calls = 0;
    storage.write = (path, bytes) => (calls++ === 0 ? noRoom() : write(path, bytes));
    const id = await submit(start(), { source: { type: 'prompt', prompt: 'a fox' } });
    expect(await ended(table, id)).toMatchObject({ status: 'completed' });
    expect(calls).toBe(2);
  });
});
