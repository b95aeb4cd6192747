import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';
import { openDatabase, type Tables } from '../../../server/tasks/database.js';
import { TaskTable } from '../../../server/tasks/table.js';
import type { NewTask, WebhookEvent } from '../../../server/tasks/task.js';
import { Outbox } from '../../../server/webhooks/outbox.js';
import { newTask, openTable } from '../tasks/support.js';

const FAILURE = { code: 'timeout', message: 'Too slow' };

let db: Kysely<Tables>;
let outbox: Outbox;
let table: TaskTable;
beforeEach(async () => {
  db = await openDatabase(':memory:');
  outbox = await Outbox.open(db, ({ id, status }) => ({ id, status }));
  table = await TaskTable.open(db, outbox);
});
afterEach(() => table.close());

const withWebhook = (...events: WebhookEvent[]): NewTask =>
  newTask({ webhook: { url: 'https://a.example/hook', events } });

test('a state and the news of it are written together or not at all', async () => {
  const failing = await openTable(':memory:', {
    record: () => Promise.reject(new Error('The disk is full')),
  });
  const { id } = await failing.create(withWebhook('completed'));
  await expect(failing.start(id, 'encode')).rejects.toThrow('The disk is full');
  expect(await failing.get(id)).toMatchObject({ status: 'queued', startedAt: null });
  await expect(failing.fail(id, FAILURE)).rejects.toThrow('The disk is full');
  expect(await failing.get(id)).toMatchObject({ status: 'queued', error: null });
  await failing.close();
});

test('a move that is refused tells nothing', async () => {
  const { id } = await table.create(withWebhook('start', 'completed'));
  await table.start(id, 'encode');
  await table.start(id, 'encode');
  await table.fail(id, FAILURE);
  await table.fail(id, FAILURE);
  const rows = await db.selectFrom('webhook_messages').select('type').orderBy('seq').execute();
  expect(rows.map(({ type }) => type)).toEqual(['task.started', 'task.failed']);
});

test('only the first message of each task is offered, the longest due first', async () => {
  const [a, b] = [
    await table.create(withWebhook('start', 'completed')),
    await table.create(withWebhook('start')),
  ];
  await table.start(a.id, 'encode');
  await table.start(b.id, 'encode');
  const [first] = await outbox.heads(9);
  await outbox.postpone(first, Date.now() + 60_000);
  await table.fail(a.id, FAILURE);
  const heads = await outbox.heads(9);
  expect(heads.map(({ taskId, type }) => [taskId, type])).toEqual([
    [b.id, 'task.started'],
    [a.id, 'task.started'],
  ]);
  // The end of the task made its start due: it is told now or never.
  expect(heads[1].dueAt).toBeLessThanOrEqual(Date.now());
  expect(heads[1].attempts).toBe(1);
  await outbox.settle(heads[1], 'delivered');
  expect((await outbox.heads(9)).map(({ type }) => type).sort()).toEqual(['task.failed', 'task.started']);
});

test('a message that is done with leaves no body behind, and in time nothing', async () => {
  const { id } = await table.create(withWebhook('start', 'completed'));
  await table.start(id, 'encode');
  await outbox.settle((await outbox.heads(1))[0], 'delivered');
  expect(await db.selectFrom('webhook_messages').selectAll().execute()).toMatchObject([
    { body: '', outcome: 'delivered', attempts: 1 },
  ]);
  await db
    .updateTable('webhook_messages')
    .set({ settled_at: Date.now() - 8 * 86_400_000 })
    .execute();
  await table.fail(id, FAILURE);
  await outbox.settle((await outbox.heads(1))[0], 'delivered');
  const left = await db.selectFrom('webhook_messages').select('type').execute();
  expect(left.map(({ type }) => type)).toEqual(['task.failed']);
});

test('messages keep their order over a restart even when the clock steps back', async () => {
  const { id } = await table.create(withWebhook('start', 'completed'));
  await table.start(id, 'encode');
  await db
    .updateTable('webhook_messages')
    .set((e) => ({ seq: e('seq', '+', 1_000_000) }))
    .execute();
  const again = await TaskTable.open(db, await Outbox.open(db, () => ({})));
  await again.fail(id, FAILURE);
  expect(await outbox.heads(9)).toMatchObject([{ type: 'task.started' }]);
});
