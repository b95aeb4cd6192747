import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ChangeLog } from '../../../server/tasks/change-log.js';
import type { TaskTable } from '../../../server/tasks/table.js';
import { newTask, openTable } from './support.js';

let table: TaskTable;
beforeEach(async () => {
  table = await openTable();
});
afterEach(() => table.close());

const create = async (): Promise<string> => (await table.create(newTask())).id;

test('tells what changed after a revision, each task once, in the order of the last changes', async () => {
  const log = new ChangeLog(table);
  const [a, b, c] = [await create(), await create(), await create()];
  const { revision } = table;
  await table.start(b, 'encode');
  await table.start(a, 'encode');
  table.report(b, { stage: 'sample', part: 1, parts: 1, step: 1, steps: 2, progress: 0.5 });
  expect(log.since(revision).map(({ id }) => id)).toEqual([a, b]);
  expect(log.since(log.floor).map(({ id }) => id)).toEqual([c, a, b]);
  expect(log.since(table.revision)).toEqual([]);
  expect(log.changedAt(b)).toBe(table.revision);
  expect(log.changedAt(c)).toBe(revision);
  expect(log.changedAt('unknown')).toBe(log.floor);
});

test('forgets the oldest, and its floor says so', async () => {
  const log = new ChangeLog(table, 3);
  const ids: string[] = [];
  for (let i = 0; i < 100; i++) {
    ids.push(await create());
    const known = log.since(log.floor).map(({ id }) => id);
    // All that changed after the floor is known, and never less than was asked for.
    expect(known).toEqual(ids.slice(ids.length - known.length));
    expect(known.length).toBeGreaterThanOrEqual(Math.min(3, ids.length));
    expect(known.length).toBeLessThan(6);
    expect(table.revision - log.floor).toBe(known.length);
  }
});

test('one task that changes again and again displaces no other', async () => {
  const log = new ChangeLog(table, 3);
  const [still, busy] = [await create(), await create()];
  await table.start(busy, 'encode');
  for (let i = 0; i < 50; i++)
    table.report(busy, { stage: 'sample', part: 1, parts: 1, step: i, steps: 50, progress: i / 50 });
  expect(log.since(log.floor).map(({ id }) => id)).toEqual([still, busy]);
});
