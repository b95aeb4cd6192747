import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskTable } from '../../../server/tasks/table.js';
import { newTask, openTable } from './support.js';

let table: TaskTable;
beforeEach(async () => {
  table = await openTable();
});
afterEach(() => table.close());

const RESULT = {
  videos: [{ file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: 7, frames: 25, bytes: 9 }],
  grid: 'grid.mp4',
};

describe('a task’s life', () => {
  test('a new task is queued and keeps all that was asked for', async () => {
    const asked = newTask({
      source: { type: 'prompt', prompt: 'a fox; DROP TABLE tasks' },
      warnings: ['careful'],
    });
    await table.create(asked);
    expect(await table.get(asked.id)).toMatchObject({
      ...asked,
      status: 'queued',
      stage: null,
      progress: 0,
      startedAt: null,
      endedAt: null,
      crashes: 0,
      placeholder: false,
      error: null,
      result: null,
    });
  });

  test('goes from queued by processing to completed with its result', async () => {
    const { id } = await table.create(newTask());
    expect(await table.start(id, 'encode')).toBe(true);
    expect(await table.get(id)).toMatchObject({ status: 'processing', stage: 'encode' });
    expect(await table.complete(id, RESULT, 7)).toBe(true);
    const done = await table.get(id);
    expect(done).toMatchObject({ status: 'completed', stage: null, progress: 1, step: 7, result: RESULT });
    expect(done?.startedAt).toBeLessThanOrEqual(done?.endedAt ?? 0);
  });

  test('keeps what is said of its picture once, and only while it runs', async () => {
    const { id } = await table.create(newTask({ warnings: ['careful'] }));
    const notes = { placeholder: true, note: 'Picture 2 was cut from the provider’s "grid"' };
    await table.notePicture(id, notes);
    expect(await table.get(id)).toMatchObject({ placeholder: false, warnings: ['careful'] });
    await table.start(id, 'image');
    await table.notePicture(id, notes);
    await table.notePicture(id, notes);
    await table.notePicture(id, { placeholder: false });
    expect(await table.get(id)).toMatchObject({ placeholder: true, warnings: ['careful', notes.note] });
  });

  test('only one of two starts wins', async () => {
    const { id } = await table.create(newTask());
    const won = await Promise.all([table.start(id, 'encode'), table.start(id, 'encode')]);
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  test('a state is never left twice: no completion after an error, no error after completion', async () => {
    const { id } = await table.create(newTask());
    expect(await table.complete(id, RESULT, 7)).toBe(false);
    await table.start(id, 'encode');
    expect(await table.fail(id, { code: 'timeout', message: 'Too slow' })).toBe(true);
    expect(await table.complete(id, RESULT, 7)).toBe(false);
    expect(await table.requeue(id, 'stopped')).toBe(false);
    expect(await table.get(id)).toMatchObject({
      status: 'error',
      error: { code: 'timeout', message: 'Too slow' },
      result: null,
    });
  });

  test('a failed task keeps the stage and the step where it failed', async () => {
    const { id } = await table.create(newTask());
    await table.start(id, 'encode');
    table.report(id, { stage: 'sample', part: 1, parts: 1, step: 3, steps: 7, progress: 0.4 });
    await table.fail(id, { code: 'not_finite', message: 'NaN' });
    expect(await table.get(id)).toMatchObject({
      stage: 'sample',
      step: 3,
      steps: 7,
      progress: 0.4,
    });
  });

  test('a requeued task starts afresh; crashes are counted, stops are not', async () => {
    const { id } = await table.create(newTask());
    await table.start(id, 'encode');
    table.report(id, { stage: 'sample', part: 1, parts: 1, step: 3, steps: 7, progress: 0.4 });
    await table.requeue(id, 'stopped');
    expect(await table.get(id)).toMatchObject({ status: 'queued', progress: 0, startedAt: null, crashes: 0 });
    await table.start(id, 'encode');
    await table.requeue(id, 'crashed');
    await table.start(id, 'encode');
    await table.requeue(id, 'crashed');
    expect(await table.get(id)).toMatchObject({ status: 'queued', crashes: 2 });
  });

  test('attempts count until their end is written down: at the next start those are left over which all died', async () => {
    const { id } = await table.create(newTask({ source: { type: 'prompt', prompt: 'a fox' } }));
    const attempts = async (): Promise<unknown> => (await table.get(id))?.attempts;
    await table.start(id, 'image');
    const startedAt = (await table.get(id))?.startedAt;
    expect(await table.begin(id, 0.05)).toBe(true);
    expect(await table.get(id)).toMatchObject({ stage: 'encode', progress: 0.05, attempts: 1, startedAt });
    await table.requeue(id, 'lost');
    await table.begin(id, 0);
    expect(await attempts()).toBe(2);
    await table.requeue(id, 'stopped');
    expect(await attempts()).toBe(0);
    await table.begin(id, 0);
    await table.requeue(id, 'crashed');
    expect(await table.get(id)).toMatchObject({ attempts: 0, crashes: 1 });
    await table.fail(id, { code: 'cancelled', message: 'Cancelled' });
    expect(await table.begin(id, 0)).toBe(false);
  });

  test('progress is seen at once and never runs backwards', async () => {
    const { id } = await table.create(newTask());
    await table.start(id, 'encode');
    table.report(id, { stage: 'sample', part: 1, parts: 1, step: 5, steps: 7, progress: 0.5 });
    table.report(id, { stage: 'sample', part: 1, parts: 1, step: 1, steps: 7, progress: 0.2 });
    expect(await table.get(id)).toMatchObject({ step: 1, progress: 0.5 });
  });
});

test('a change that is undone leaves the task as far as it was', async () => {
  const { id } = await table.create(newTask());
  await table.start(id, 'sample');
  table.report(id, { stage: 'sample', part: 1, parts: 1, step: 3, steps: 6, progress: 0.5 });
  table.once('change', () => {
    throw new Error('The disk is full');
  });
  await expect(table.complete(id, RESULT, 7)).rejects.toThrow('The disk is full');
  expect(await table.get(id)).toMatchObject({ status: 'processing', step: 3, progress: 0.5 });
  table.report(id, { stage: 'sample', part: 1, parts: 1, step: 4, steps: 6, progress: 0.6 });
  expect((await table.get(id))?.step).toBe(4);
});

describe('lists', () => {
  test('are newest first, by status, and page without gap or double', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push((await table.create(newTask())).id);
    await table.start(ids[2], 'encode');
    const newestFirst = [...ids].reverse();
    expect((await table.list({ limit: 100 })).map(({ id }) => id)).toEqual(newestFirst);
    expect((await table.list({ limit: 100, status: 'processing' })).map(({ id }) => id)).toEqual([ids[2]]);
    const pages = [
      await table.list({ limit: 3 }),
      await table.list({ limit: 3, before: newestFirst[2] }),
      await table.list({ limit: 3, before: newestFirst[5] }),
    ];
    expect(pages.flat().map(({ id }) => id)).toEqual(newestFirst);
    expect(await table.count()).toBe(7);
    expect(await table.count({ status: 'queued' })).toBe(6);
  });

  test('what is unfinished comes oldest first', async () => {
    const a = await table.create(newTask());
    const b = await table.create(newTask());
    const c = await table.create(newTask());
    await table.start(a.id, 'encode');
    await table.start(b.id, 'encode');
    await table.complete(b.id, RESULT, 1);
    expect((await table.unfinished()).map(({ id }) => id)).toEqual([a.id, c.id]);
  });
});

test('every change is announced and moves the revision; a refused one is not', async () => {
  const seen: string[] = [];
  table.on('change', (id) => seen.push(id));
  const { id } = await table.create(newTask());
  await table.start(id, 'encode');
  table.report(id, { stage: 'sample', part: 1, parts: 1, step: 1, steps: 2, progress: 0.1 });
  await table.complete(id, RESULT, 2);
  expect(seen).toHaveLength(4);
  const { revision } = table;
  await table.start(id, 'encode');
  await table.get(id);
  expect(table.revision).toBe(revision);
});

test('tasks survive closing and opening, in order, and new ones come after them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'table-'));
  try {
    const file = join(folder, 'deep', 'tasks.db');
    const first = await openTable(file);
    const old = await first.create(newTask());
    await first.close();
    const second = await openTable(file);
    const young = await second.create(newTask());
    expect((await second.list({ limit: 9 })).map(({ id }) => id)).toEqual([young.id, old.id]);
    await second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('what other APIs know a task by', () => {
  const origin = { api: 'cog', externalId: 'mine', request: { num_frames: 3 } } as const;

  test('a task is found by the id of its API’s clients, with what that API remembers', async () => {
    const made = await table.createOnce(newTask({ kind: 'story', origin, owner: 'a', expiresAt: 5 }));
    expect(await table.findExternal('cog', 'a', 'mine')).toEqual(made);
    expect(made).toMatchObject({ kind: 'story', origin, owner: 'a', expiresAt: 5 });
    expect(await table.findExternal('cog', 'b', 'mine')).toBeUndefined();
    expect(await table.findExternal('animate', 'a', 'mine')).toBeUndefined();
  });

  test('the id is given once for each API and owner; other tasks have none', async () => {
    expect(await table.createOnce(newTask({ origin }))).toBeDefined();
    expect(await table.createOnce(newTask({ origin }))).toBeUndefined();
    expect(await table.createOnce(newTask({ origin, owner: 'b' }))).toBeDefined();
    expect(await table.createOnce(newTask())).toMatchObject({ kind: 'clip', owner: '', expiresAt: null });
    expect(await table.createOnce(newTask())).toBeDefined();
  });

  test('where the id is taken, the claim of a key is undone with the rest', async () => {
    await table.createOnce(newTask({ origin }));
    const claim = { owner: '', key: 'k', fingerprint: 'f' };
    expect(await table.createOnce(newTask({ origin }), claim)).toBeUndefined();
    expect(await table.findKey('', 'k')).toBeUndefined();
  });
});
