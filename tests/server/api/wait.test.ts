import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Context } from 'koa';
import { waitForEnd } from '../../../server/api/wait.js';
import type { TaskTable } from '../../../server/tasks/table.js';
import { newTask, openTable } from '../tasks/support.js';

let table: TaskTable;
let id: string;
let res: EventEmitter;
let ctx: Context;

beforeEach(async () => {
  table = await openTable();
  ({ id } = await table.create(newTask()));
  res = new EventEmitter();
  ctx = { res } as unknown as Context;
});
afterEach(() => table.close());

const LONG = 60_000;
const listeners = (): number => table.listenerCount('change') + res.listenerCount('close');

test('gives the task when it ends, and lets go of everything', async () => {
  const waiting = waitForEnd(ctx, table, id, LONG);
  await table.start(id, 'encode');
  await table.complete(id, { videos: [] }, 1);
  expect(await waiting).toMatchObject({ id, status: 'completed' });
  expect(listeners()).toBe(0);
});

test('gives a task that has ended before at once', async () => {
  await table.fail(id, { code: 'cancelled', message: 'Cancelled' });
  expect(await waitForEnd(ctx, table, id, LONG)).toMatchObject({ status: 'error' });
});

test('gives the task as it is when the time is up', async () => {
  await table.start(id, 'sample');
  expect(await waitForEnd(ctx, table, id, 5)).toMatchObject({ status: 'processing', stage: 'sample' });
  expect(listeners()).toBe(0);
});

test('ends without a task when the client goes, and when the task is deleted', async () => {
  const gone = waitForEnd(ctx, table, id, LONG);
  res.emit('close');
  expect(await gone).toBeUndefined();
  const deleted = waitForEnd(ctx, table, id, LONG);
  await table.fail(id, { code: 'cancelled', message: 'Cancelled' });
  await table.remove(id);
  expect((await deleted)?.status).not.toBe('completed');
  expect(await waitForEnd(ctx, table, id, LONG)).toBeUndefined();
  expect(listeners()).toBe(0);
});
