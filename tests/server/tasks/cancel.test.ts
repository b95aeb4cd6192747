import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { access, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { PipelineError } from '../../../pipeline/errors.js';
import type { PictureObtainer } from '../../../server/images/obtain.js';
import { createMediaStorage, type MediaStorage } from '../../../server/media/storage.js';
import { TaskRunner } from '../../../server/tasks/runner.js';
import type { TaskTable } from '../../../server/tasks/table.js';
import type { NewTask, Task, TaskSource } from '../../../server/tasks/task.js';
import { holdClips, makeClip, standIn, withResolvers, type Make } from '../support.js';
import { ended, newId, newTask, openTable, until } from './support.js';

const PROMPT: TaskSource = { type: 'prompt', prompt: 'a fox' };
const CANCELLED = { status: 'error', error: { code: 'cancelled' } };

let folder: string;
let table: TaskTable;
let storage: MediaStorage;
const runners: TaskRunner[] = [];
/** Ids whose worker was asked for a clip. */
let ran: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cancel-'));
  table = await openTable();
  storage = createMediaStorage(folder);
  ran = [];
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.close(0)));
  await table.close();
  rmSync(folder, { recursive: true });
});

const picture = { png: Buffer.from('png'), placeholder: true };
const start = (make: Make = makeClip, obtain?: PictureObtainer['obtain']): TaskRunner => {
  const runner = new TaskRunner({
    table,
    storage,
    pictures: { obtain: obtain ?? (() => Promise.resolve(picture)) },
    workers: { size: 1, run: (job, run) => (ran.push(job.id), standIn(make)(job, run)) },
    log: pino({ level: 'silent' }),
    pictureConcurrency: 2,
    clipTimeoutMs: 60_000,
    keepsUploads: false,
    clipCost: ({ W, H, T, steps }) => W * H * T * steps,
  });
  runners.push(runner);
  return runner;
};
const submit = async (runner: TaskRunner, changes: Partial<NewTask> = {}): Promise<string> => {
  const task = newTask(changes);
  if (task.source.type === 'upload') await storage.write(storage.picture(task.id), picture.png);
  return (await runner.submit(task)).id;
};
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
/** A worker that is at work until it is told to end, which it does with this error. */
const endingWith = (code: 'worker_crashed' | 'cancelled') => {
  const [begun, over] = [withResolvers(), withResolvers()];
  const make: Make = async () => {
    begun.resolve();
    await over.promise;
    throw new PipelineError(code, 'It ended');
  };
  return { make, begun: begun.promise, end: over.resolve };
};
/** Lets everything that is under way end, then looks for what may not be left of a cancelled task. */
const expectNothingLeft = async (runner: TaskRunner, id: string): Promise<void> => {
  await runner.close(5000);
  expect(await exists(storage.folder(id))).toBe(false);
  expect(await storage.hasPicture(id)).toBe(false);
  expect(await readdir(join(folder, 'work')).catch(() => [])).toEqual([]);
};

describe('a cancel ends a task', () => {
  test('that waits for its turn, which then goes to the next', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const [running, waiting, next] = [await submit(runner), await submit(runner), await submit(runner)];
    await held.running(running);
    expect(runner.waiting).toBe(2);
    expect(await runner.cancel(waiting)).toMatchObject({ id: waiting, ...CANCELLED });
    expect(runner.waiting).toBe(1);
    expect(runner.view((await table.get(next)) as Task).queue_position).toBe(1);
    for (const id of [running, next]) held.release(id);
    expect(await ended(table, next)).toMatchObject({ status: 'completed' });
    expect(ran).toEqual([running, next]);
    await expectNothingLeft(runner, waiting);
  });

  test('that waits for its picture, whose making is told to stop', async () => {
    let stopped = false;
    const asked = withResolvers();
    const runner = start(makeClip, (_source, _params, { signal }) => {
      asked.resolve();
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          stopped = true;
          reject(new Error('aborted'));
        }),
      );
    });
    const id = await submit(runner, { source: PROMPT });
    await asked.promise;
    expect(await runner.cancel(id)).toMatchObject({ ...CANCELLED, stage: 'image' });
    expect(stopped).toBe(true);
    await expectNothingLeft(runner, id);
    expect(await table.get(id)).toMatchObject(CANCELLED);
    expect(ran).toEqual([]);
  });

  test('whose provider delivers all the same: the picture is not kept and no clip is made', async () => {
    const [asked, delivered] = [withResolvers(), withResolvers()];
    const runner = start(makeClip, async () => {
      asked.resolve();
      await delivered.promise;
      return picture;
    });
    const id = await submit(runner, { source: PROMPT });
    await asked.promise;
    await runner.cancel(id);
    delivered.resolve();
    await expectNothingLeft(runner, id);
    expect(await table.get(id)).toMatchObject({ ...CANCELLED, placeholder: false });
    expect(ran).toEqual([]);
  });

  test('that has its picture and waits for the device', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const running = await submit(runner);
    const id = await submit(runner, { source: PROMPT });
    await until(table, id, ({ stage }) => stage === 'waiting');
    expect(await storage.hasPicture(id)).toBe(true);
    expect(await runner.cancel(id)).toMatchObject({ ...CANCELLED, stage: 'waiting' });
    held.release(running);
    await expectNothingLeft(runner, id);
    expect(ran).toEqual([running]);
  });

  test('in the middle of its clip, and keeps where that was', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const id = await submit(runner);
    await held.running(id);
    expect(await runner.cancel(id)).toMatchObject({ ...CANCELLED, stage: 'sample', step: 1, progress: 0.25 });
    const next = await submit(runner);
    held.release(next);
    expect(await ended(table, next)).toMatchObject({ status: 'completed' });
    await expectNothingLeft(runner, id);
  });

  test('whose clip is just finished: its files are removed', async () => {
    const publishing = withResolvers();
    const go = withResolvers();
    const publish = storage.publishWork.bind(storage);
    storage = {
      ...storage,
      publishWork: async (work, id) => {
        await publish(work, id);
        publishing.resolve();
        await go.promise;
      },
    };
    const runner = start();
    const id = await submit(runner);
    await publishing.promise;
    expect(await exists(storage.folder(id))).toBe(true);
    expect(await runner.cancel(id)).toMatchObject(CANCELLED);
    go.resolve();
    await expectNothingLeft(runner, id);
    expect(await table.get(id)).toMatchObject({ ...CANCELLED, result: null });
  });
});

test('a cancel of a completed task changes nothing and answers how it ended', async () => {
  const runner = start();
  const id = await submit(runner);
  const done = await ended(table, id);
  const { revision } = table;
  expect(await runner.cancel(id)).toEqual(done);
  expect(table.revision).toBe(revision);
  expect(await exists(storage.file(id, 'video-0.mp4'))).toBe(true);
});

test('a cancel of nothing is nothing', async () => {
  expect(await start().cancel(newId())).toBeUndefined();
});

test('nothing is heard of a task after its end, whatever its worker still says', async () => {
  const held = holdClips();
  let speak: (() => void) | undefined;
  const runner = start((job, run) => {
    speak = () => run.onProgress?.({ stage: 'sample', part: 1, parts: 1, step: 3, steps: 4, progress: 0.75 });
    return held.make(job, run);
  });
  const id = await submit(runner);
  await held.running(id);
  await runner.cancel(id);
  const { revision } = table;
  speak?.();
  await table.notePicture(id, { placeholder: true, note: 'late' });
  expect(table.revision).toBe(revision);
  expect(await table.get(id)).toMatchObject({ step: 1, progress: 0.25, placeholder: false });
});

describe('a cancelled task never runs again', () => {
  test('when its worker dies over the cancel', async () => {
    const worker = endingWith('worker_crashed');
    const runner = start(worker.make);
    const id = await submit(runner);
    await worker.begun;
    await runner.cancel(id);
    worker.end();
    await expectNothingLeft(runner, id);
    expect(await table.get(id)).toMatchObject({ ...CANCELLED, crashes: 0 });
    expect(ran).toEqual([id]);
  });

  test('when its worker has died just before and the clip is to be tried again', async () => {
    let attempts = 0;
    const runner = start((job) => {
      if (attempts++ > 0) return makeClip(job);
      return Promise.reject(new PipelineError('worker_crashed', 'It died (SIGKILL)'));
    });
    const id = newId();
    // The moment between the two tries: the row is queued again.
    const cancelled = new Promise<Task | undefined>((resolve) => {
      table.on('change', () => {
        if (attempts === 1)
          void table.get(id).then((task) => task?.crashes === 1 && resolve(runner.cancel(id)));
      });
    });
    await submit(runner, { id });
    const answer = await cancelled;
    await runner.close(5000);
    // Either the cancel was quicker than the second try, or it met the finished clip; never both.
    const task = await table.get(id);
    expect(answer?.status).toBe(task?.status);
    expect(await exists(storage.folder(id))).toBe(task?.status === 'completed');
  });

  test('when the server dies right after the answer', async () => {
    // The first runner is left as a killed process leaves its work: nothing of it ends, so it takes nothing more.
    const worker = endingWith('cancelled');
    const first = start(worker.make);
    const [running, waiting, other] = [await submit(first), await submit(first), await submit(first)];
    await worker.begun;
    for (const id of [waiting, running]) await first.cancel(id);
    const second = start();
    await second.recover();
    expect(await ended(table, other)).toMatchObject({ status: 'completed' });
    await second.close(5000);
    worker.end();
    for (const id of [running, waiting]) expect(await table.get(id)).toMatchObject(CANCELLED);
    expect(ran.filter((id) => id !== other)).toEqual([running]);
  });

  test('when the service stops at the same time', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const id = await submit(runner);
    await held.running(id);
    await Promise.all([runner.cancel(id), runner.close(0)]);
    expect(await table.get(id)).toMatchObject(CANCELLED);
    expect(await table.unfinished()).toEqual([]);
  });
});

describe('races', () => {
  /** Gives up the thread `n` times, so that another chain of promises gets ahead by as much. */
  const steps = async (n: number): Promise<void> => {
    for (let i = 0; i < n; i++) await Promise.resolve();
  };

  test('cancel against completion: exactly one wins, and the files go with the outcome', async () => {
    const runner = start();
    const outcomes = new Set<string>();
    for (let i = 0; i < 120; i++) {
      const publish = storage.publishWork.bind(storage);
      let answer: Promise<Task | undefined> | undefined;
      const id = newId();
      storage.publishWork = async (work, of) => {
        await publish(work, of);
        answer = steps(i).then(() => runner.cancel(id));
      };
      await submit(runner, { id });
      const task = await ended(table, id);
      storage.publishWork = publish;
      const told = await answer;
      outcomes.add(task.status);
      expect(told?.status).toBe(task.status);
      expect(task.error?.code ?? 'none').toBe(task.status === 'completed' ? 'none' : 'cancelled');
      expect(task.result === null).toBe(task.status === 'error');
      // The next task gets the device only when this one has cleared up.
      await ended(table, await submit(runner));
      expect(await exists(storage.folder(id))).toBe(task.status === 'completed');
    }
    expect([...outcomes].sort()).toEqual(['completed', 'error']);
  });

  test('cancel against start: a cancelled task is cancelled wherever the cancel met it', async () => {
    const held = holdClips();
    const runner = start(held.make);
    for (let i = 0; i < 150; i++) {
      const id = await submit(runner);
      await steps(i % 75);
      expect(await runner.cancel(id)).toMatchObject({ id, ...CANCELLED });
    }
    expect(await table.count({ status: 'error' })).toBe(150);
    expect(await table.unfinished()).toEqual([]);
    expect(runner.waiting).toBe(0);
    const last = await submit(runner);
    held.release(last);
    expect(await ended(table, last)).toMatchObject({ status: 'completed' });
    await runner.close(5000);
    expect(await readdir(join(folder, 'pictures'))).toEqual([]);
    expect(await readdir(join(folder, 'work'))).toEqual([]);
  });

  test('two cancels: both are answered the same, and one change is seen', async () => {
    const held = holdClips();
    const runner = start(held.make);
    for (let i = 0; i < 50; i++) {
      const id = await submit(runner);
      if (i % 2 === 0) await held.running(id);
      let moves = 0;
      const count = (of: string, change: string): void => {
        if (of === id && ['moved', 'ended'].includes(change)) moves++;
      };
      table.on('change', count);
      const [a, b] = await Promise.all([runner.cancel(id), steps(i).then(() => runner.cancel(id))]);
      table.off('change', count);
      expect(a).toEqual(b);
      expect(a).toMatchObject(CANCELLED);
      expect(moves).toBeLessThanOrEqual(2); // its start, where it had not started, and its end
    }
  });

  test('cancel against a worker that dies: it is cancelled, and never begins again', async () => {
    for (let i = 0; i < 30; i++) {
      const worker = endingWith('worker_crashed');
      const runner = start(worker.make);
      const id = await submit(runner);
      await worker.begun;
      worker.end();
      await steps(i);
      expect(await runner.cancel(id)).toMatchObject({ id, ...CANCELLED });
      await runner.close(5000);
      expect(await table.get(id)).toMatchObject(CANCELLED);
      expect(await readdir(join(folder, 'checkpoints')).catch(() => [])).toEqual([]);
    }
  });

  test('cancel of a clip that is about to be resumed takes its checkpoints, wherever it is met', async () => {
    for (let i = 0; i < 30; i++) {
      const task = newTask();
      await storage.write(storage.picture(task.id), picture.png);
      await table.create(task);
      await table.begin(task.id, 0);
      const left = await storage.claimCheckpoints(task.id);
      await writeFile(join(left, 'variation-0.checkpoint'), 'state');
      const held = holdClips();
      const runner = start(held.make);
      await runner.recover();
      await steps(i * 2);
      expect(await runner.cancel(task.id)).toMatchObject(CANCELLED);
      await expectNothingLeft(runner, task.id);
      expect(await readdir(join(folder, 'checkpoints'))).toEqual([]);
    }
  });

  test('cancel of one while another starts touches no other', async () => {
    const held = holdClips();
    const runner = start(held.make);
    const others: string[] = [];
    for (let i = 0; i < 60; i++) {
      const [first, second] = [await submit(runner), await submit(runner)];
      held.release(second);
      await held.running(first);
      await Promise.all([runner.cancel(first), steps(i).then(() => held.running(second))]);
      others.push(second);
    }
    for (const id of others) expect(await ended(table, id)).toMatchObject({ status: 'completed' });
    expect(await table.count({ status: 'error' })).toBe(60);
    expect(await table.count({ status: 'completed' })).toBe(60);
  });

  test('delete while a clip ends leaves neither row nor files', async () => {
    const runner = start();
    for (let i = 0; i < 60; i++) {
      const id = await submit(runner, i % 2 ? { source: PROMPT } : {});
      await steps(i * 3);
      expect(await runner.remove(id)).toBe(true);
      expect(await runner.remove(id)).toBe(false);
    }
    await runner.close(5000);
    expect(await table.count()).toBe(0);
    const media = await readdir(join(folder, 'media'), { recursive: true }).catch(() => []);
    expect(media.filter((name) => name.includes('.'))).toEqual([]);
    expect(await readdir(join(folder, 'pictures'))).toEqual([]);
    expect(await readdir(join(folder, 'work')).catch(() => [])).toEqual([]);
  });
});
