import { EventEmitter } from 'node:events';
import type { Kysely, Selectable } from 'kysely';
import type { Tables, WebhookMessageRow } from '../tasks/database.js';
import type { StateJournal } from '../tasks/table.js';
import { isTerminal, type Task } from '../tasks/task.js';
import { eventOf, messageType, type MessageBody, type WebhookMessage } from './messages.js';

/** How long it is remembered what became of a message. */
const REMEMBERED_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * The messages that are still to be delivered. One is written in the transaction of the change of state that it tells
 * of: what happened to a task is told even if the process dies at once, and what did not happen is never told.
 *
 * Emits `recorded` with each task that has a webhook and a new state, within that transaction.
 */
export class Outbox extends EventEmitter<{ recorded: [task: Task] }> implements StateJournal {
  readonly #db: Kysely<Tables>;
  readonly #toBody: MessageBody;
  #lastSeq = 0;

  private constructor(db: Kysely<Tables>, toBody: MessageBody) {
    super();
    this.#db = db;
    this.#toBody = toBody;
  }

  static async open(db: Kysely<Tables>, toBody: MessageBody): Promise<Outbox> {
    const outbox = new Outbox(db, toBody);
    const newest = await db
      .selectFrom('webhook_messages')
      .select((e) => e.fn.max('seq').as('seq'))
      .executeTakeFirst();
    outbox.#lastSeq = Number(newest?.seq ?? 0);
    return outbox;
  }

  async record(transaction: Kysely<Tables>, task: Task): Promise<void> {
    const { webhook } = task;
    if (!webhook) return;
    const event = eventOf(task);
    if (event && webhook.events.includes(event)) {
      const now = Date.now();
      this.#lastSeq = Math.max(now, this.#lastSeq + 1);
      const type = messageType(task);
      const final = isTerminal(task.status);
      // What was to be told before the end is told now or never: the end waits behind it.
      if (final) await this.#pending(transaction, task.id).set({ due_at: now }).execute();
      await transaction
        .insertInto('webhook_messages')
        .values({
          seq: this.#lastSeq,
          id: `task_${task.id}_${event}`,
          task_id: task.id,
          url: webhook.url,
          type,
          body: JSON.stringify(this.#toBody(task, type, now)),
          final: final ? 1 : 0,
          due_at: now,
          settled_at: null,
          outcome: null,
        })
        .onConflict((conflict) => conflict.column('id').doNothing()) // a clip that is tried again starts once
        .execute();
    }
    this.emit('recorded', task);
  }

  /** The next message of each task, those first that are due first. */
  async heads(limit: number): Promise<WebhookMessage[]> {
    const rows = await this.#db
      .selectFrom('webhook_messages as m')
      .selectAll()
      .where('settled_at', 'is', null)
      .where((e) =>
        e.not(
          e.exists(
            e
              .selectFrom('webhook_messages as earlier')
              .select('earlier.seq')
              .whereRef('earlier.task_id', '=', 'm.task_id')
              .where('earlier.settled_at', 'is', null)
              .whereRef('earlier.seq', '<', 'm.seq'),
          ),
        ),
      )
      .orderBy('due_at')
      .limit(limit)
      .execute();
    return rows.map(toMessage);
  }

  /** True when a message of the task waits, after `seq` if that is given. */
  async hasPending(taskId: string, seq = 0): Promise<boolean> {
    const row = await this.#db
      .selectFrom('webhook_messages')
      .select('seq')
      .where('task_id', '=', taskId)
      .where('settled_at', 'is', null)
      .where('seq', '>', seq)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** An attempt failed: the next one is at `dueAt`. */
  async postpone({ seq, attempts }: WebhookMessage, dueAt: number): Promise<void> {
    await this.#db
      .updateTable('webhook_messages')
      .set({ attempts: attempts + 1, due_at: dueAt })
      .where('seq', '=', seq)
      .execute();
  }

  /** The message is done with, for good or ill; its body is forgotten. */
  async settle({ seq, attempts }: WebhookMessage, outcome: string): Promise<void> {
    const now = Date.now();
    await this.#db
      .updateTable('webhook_messages')
      .set({ attempts: attempts + 1, settled_at: now, outcome, body: '' })
      .where('seq', '=', seq)
      .execute();
    await this.#db
      .deleteFrom('webhook_messages')
      .where('settled_at', '<', now - REMEMBERED_MS)
      .execute();
  }

  /** The receiver wants to hear no more of the task. */
  async unsubscribe(taskId: string): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await this.#pending(transaction, taskId)
        .set({ settled_at: Date.now(), outcome: 'gone', body: '' })
        .execute();
      await transaction.updateTable('tasks').set({ webhook: null }).where('id', '=', taskId).execute();
    });
  }

  #pending(db: Kysely<Tables>, taskId: string) {
    return db.updateTable('webhook_messages').where('task_id', '=', taskId).where('settled_at', 'is', null);
  }
}

const toMessage = (row: Selectable<WebhookMessageRow>): WebhookMessage => ({
  seq: Number(row.seq),
  id: row.id,
  taskId: row.task_id,
  url: row.url,
  type: row.type,
  body: row.body,
  final: row.final === 1,
  attempts: row.attempts,
  dueAt: Number(row.due_at),
});
