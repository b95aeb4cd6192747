import { EventEmitter } from 'node:events';
import type { Kysely, Selectable } from 'kysely';
import type { TaskRow, Tables } from './database.js';
import { claimKey, findKey, type ClaimedKey, type KeyClaim } from './idempotency.js';
import { LiveProgress } from './live-progress.js';
import {
  pictureNotes,
  toBegun,
  toCompleted,
  toFailed,
  toQueued,
  toStarted,
  type Interruption,
  type Move,
  type PictureNotes,
} from './task-moves.js';
import { rowOfTask, taskOfRow } from './task-row.js';
import {
  countRows,
  selectByPrefix,
  selectExternal,
  selectRows,
  selectUnfinished,
  type TaskFilter,
  type TaskQuery,
} from './task-query.js';
import {
  isTerminal,
  type NewTask,
  type Task,
  type TaskApi,
  type TaskError,
  type TaskProgress,
  type TaskResult,
  type TaskStage,
} from './task.js';

/** What happened to a task: it is new, in another state, at its end, it got on within its state, or it is gone. */
export type TaskChange = 'created' | 'moved' | 'ended' | 'progress' | 'removed';

/** Writes down what must be known exactly when a change of state is: it is called within the change's transaction. */
export interface StateJournal {
  record(transaction: Kysely<Tables>, task: Task): Promise<void>;
}

/** Thrown within a transaction to undo it: what was to be created is there already. */
class Taken extends Error {}

/**
 * The task table: the truth about every task. Each state change is one atomic statement that names the state it
 * expects, and answers whether it took place, so that two parties can never both move the same task. Progress within
 * a state is held in memory on top of the rows.
 *
 * Emits `change` with the id at every change, and `queue` when the order of those who wait is another. A change of a row
 * is announced within its transaction, so revisions, announcements and rows have one order; whoever asks for the row
 * then is answered when the transaction has ended.
 */
export class TaskTable extends EventEmitter<{
  change: [id: string, change: TaskChange, owner: string];
  queue: [];
}> {
  readonly #db: Kysely<Tables>;
  readonly #journal: StateJournal | undefined;
  readonly #live = new LiveProgress();
  #lastCreatedAt = 0;
  #revision = 0;
  #queueRevision = 0;
  /** Of each owner, the revision of the last change of a task of theirs. */
  readonly #ownRevisions = new Map<string, number>();

  private constructor(db: Kysely<Tables>, journal?: StateJournal) {
    super();
    this.setMaxListeners(0); // every open stream of events listens
    this.#db = db;
    this.#journal = journal;
  }

  static async open(db: Kysely<Tables>, journal?: StateJournal): Promise<TaskTable> {
    const table = new TaskTable(db, journal);
    const newest = await db
      .selectFrom('tasks')
      .select((e) => e.fn.max('created_at').as('at'))
      .executeTakeFirst();
    table.#lastCreatedAt = Number(newest?.at ?? 0);
    return table;
  }

  /** Grows with every change, progress included: equal revisions mean equal answers. */
  get revision(): number {
    return this.#revision;
  }

  /** Grows with every change that an owner's list can show: of their own tasks, and of the queue. */
  revisionFor(owner: string): number {
    return Math.max(this.#ownRevisions.get(owner) ?? 0, this.#queueRevision);
  }

  /** Writes a queued task. It is durable when the promise resolves. */
  async create(task: NewTask, claim?: KeyClaim): Promise<Task> {
    return this.#db.transaction().execute(async (transaction) => {
      if (claim && !(await claimKey(transaction, claim, task.id))) throw new Taken();
      return this.#toTask(await this.#insert(transaction, task));
    });
  }

  /**
   * Like `create`, for a request that may be repeated. Writes nothing, and gives undefined, where the claim of an
   * `Idempotency-Key` or the task's external id is taken.
   */
  async createOnce(task: NewTask, claim?: KeyClaim): Promise<Task | undefined> {
    try {
      return await this.create(task, claim);
    } catch (error) {
      if (error instanceof Taken) return undefined;
      throw error;
    }
  }

  /** What an `Idempotency-Key` stands for already. */
  findKey(owner: string, key: string): Promise<ClaimedKey | undefined> {
    return findKey(this.#db, owner, key);
  }

  async get(id: string): Promise<Task | undefined> {
    const row = await this.#db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
    return row && this.#toTask(row);
  }

  /** The task that an API's clients know by an id of theirs. */
  async findExternal(api: TaskApi, owner: string, externalId: string): Promise<Task | undefined> {
    const row = await selectExternal(this.#db, api, owner, externalId);
    return row && this.#toTask(row);
  }

  /** The tasks that an API's clients know by ids of theirs, hexadecimal ones, that begin with `prefix`. */
  async findExternalByPrefix(api: TaskApi, owner: string, prefix: string): Promise<Task[]> {
    return (await selectByPrefix(this.#db, api, owner, prefix)).map((row) => this.#toTask(row));
  }

  /** Reads a task together with the revision at which it is just so: nothing changes while `read` looks. */
  async snapshot<T>(id: string, read: (task: Task | undefined, revision: number) => T): Promise<T> {
    return this.#db.connection().execute(async (connection) => {
      const row = await connection.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
      return read(row && this.#toTask(row), this.#revision);
    });
  }

  /** Newest first. */
  async list(query: TaskQuery): Promise<Task[]> {
    return (await selectRows(this.#db, query)).map((row) => this.#toTask(row));
  }

  count(filter: TaskFilter = {}): Promise<number> {
    return countRows(this.#db, filter);
  }

  /** Tasks that still have to run, oldest first. */
  async unfinished(): Promise<Task[]> {
    return (await selectUnfinished(this.#db)).map((row) => this.#toTask(row));
  }

  /** queued → processing. False when somebody else moved the task first. */
  start(id: string, stage: TaskStage): Promise<boolean> {
    return this.#move(id, toStarted(stage));
  }

  /**
   * queued or processing → processing on a device. The attempt counts until its end is written down, so that what counts
   * at a start are attempts over which the whole service died. `progress`: how far the task is already.
   */
  begin(id: string, progress: number): Promise<boolean> {
    return this.#move(id, toBegun(progress));
  }

  /**
   * processing → completed. Call it only when every file of `result` is whole and in place. `warnings` are all of the
   * task's, those it was created with among them; left out, they stay as they are.
   */
  complete(id: string, result: TaskResult, steps: number, warnings?: readonly string[]): Promise<boolean> {
    return this.#move(id, toCompleted(result, steps, warnings));
  }

  /** queued or processing → error. The stage where it failed stays in the row. */
  fail(id: string, error: TaskError): Promise<boolean> {
    return this.#move(id, toFailed(error, this.#live.of(id)));
  }

  /** processing → queued. An attempt that was `lost` goes on counting. */
  requeue(id: string, why: Interruption): Promise<boolean> {
    return this.#move(id, toQueued(why));
  }

  /**
   * Writes down what there is to say of a running task's picture: that it is the embedded source's stand-in, and a word for
   * the warnings. Saying it again adds nothing.
   */
  async notePicture(id: string, notes: PictureNotes): Promise<void> {
    if (!notes.placeholder && notes.note === undefined) return;
    await this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable('tasks')
        .set(pictureNotes(notes))
        .where('id', '=', id)
        .where('status', '=', 'processing')
        .returning('owner')
        .executeTakeFirst();
      if (row) this.#changed(id, 'progress', row.owner);
    });
  }

  /**
   * Progress of a running task; nothing for a task in any other state, since the news of a worker may come after the
   * task's end.
   */
  report(id: string, progress: TaskProgress): void {
    if (this.#live.report(id, progress)) this.touch(id);
  }

  /** Something that is shown of a running task beside its row is another. */
  touch(id: string): void {
    const owner = this.#live.ownerOf(id);
    if (owner !== undefined) this.#changed(id, 'progress', owner);
  }

  /** Removes a task that has ended. False when there is none. */
  async remove(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .deleteFrom('tasks')
        .where('id', '=', id)
        .where('status', 'in', ['completed', 'error'])
        .returning('owner')
        .executeTakeFirst();
      if (row) this.#changed(id, 'removed', row.owner);
      return row !== undefined;
    });
  }

  /** The order of those who wait, or what they have to expect, is another: lists that were put together say it wrong. */
  queueChanged(): void {
    this.#queueRevision = ++this.#revision;
    this.emit('queue');
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  async #insert(transaction: Kysely<Tables>, task: NewTask): Promise<Selectable<TaskRow>> {
    // Strictly increasing, so that it orders tasks even when two arrive within a millisecond or the clock steps back.
    this.#lastCreatedAt = Math.max(Date.now(), this.#lastCreatedAt + 1);
    const inserted = await transaction
      .insertInto('tasks')
      .values(rowOfTask(task, this.#lastCreatedAt))
      .onConflict((conflict) => conflict.columns(['api', 'owner', 'external_id']).doNothing())
      .returningAll()
      .executeTakeFirst();
    if (!inserted) throw new Taken();
    this.#changed(task.id, 'created', inserted.owner);
    return inserted;
  }

  /** Changes the state of a task that is in one of the states that the move allows. */
  async #move(id: string, { from, values, live }: Move): Promise<boolean> {
    let takeBack = (): void => undefined;
    const moved = this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable('tasks')
        .set(values)
        .where('id', '=', id)
        .where('status', 'in', from)
        .returningAll()
        .executeTakeFirst();
      if (!row) return false;
      const task = taskOfRow(row);
      await this.#journal?.record(transaction, task);
      takeBack = this.#live.move(id, row.owner, live);
      this.#changed(id, isTerminal(task.status) ? 'ended' : 'moved', row.owner);
      return true;
    });
    return moved.catch((error: unknown) => {
      takeBack();
      throw error;
    });
  }

  #changed(id: string, change: TaskChange, owner: string): void {
    this.#ownRevisions.set(owner, ++this.#revision);
    this.emit('change', id, change, owner);
  }

  #toTask(row: Selectable<TaskRow>): Task {
    return taskOfRow(row, this.#live.of(row.id));
  }
}
