import { EventEmitter } from 'node:events';
import { sql, type Insertable, type Kysely, type Selectable, type UpdateObject } from 'kysely';
import type { TaskRow, Tables } from './database.js';
import {
  isTerminal,
  type NewTask,
  type Task,
  type TaskError,
  type TaskProgress,
  type TaskResult,
  type TaskSource,
  type TaskStage,
  type TaskStatus,
} from './task.js';

export interface TaskQuery {
  readonly status?: TaskStatus;
  readonly limit: number;
  /** Only tasks older than the one with this id. */
  readonly before?: string;
}

/**
 * The task table: the truth about every task. Each state change is one atomic statement that names the state it
 * expects, and answers whether it took place, so that two parties can never both move the same task. Progress within
 * a state is held in memory on top of the rows.
 *
 * Emits `change` with the id after every change.
 */
export class TaskTable extends EventEmitter<{ change: [id: string] }> {
  readonly #db: Kysely<Tables>;
  readonly #live = new Map<string, TaskProgress>();
  #lastCreatedAt = 0;
  #revision = 0;

  private constructor(db: Kysely<Tables>) {
    super();
    this.#db = db;
  }

  static async open(db: Kysely<Tables>): Promise<TaskTable> {
    const table = new TaskTable(db);
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

  /** Writes a queued task. It is durable when the promise resolves. */
  async create(task: NewTask): Promise<Task> {
    // Strictly increasing, so that it orders tasks even when two arrive within a millisecond or the clock steps back.
    this.#lastCreatedAt = Math.max(Date.now(), this.#lastCreatedAt + 1);
    const row: Insertable<TaskRow> = {
      id: task.id,
      created_at: this.#lastCreatedAt,
      status: 'queued',
      model: task.model,
      source: JSON.stringify(task.source),
      params: JSON.stringify(task.params),
      warnings: JSON.stringify(task.warnings),
    };
    const inserted = await this.#db.insertInto('tasks').values(row).returningAll().executeTakeFirstOrThrow();
    this.#changed(task.id);
    return this.#toTask(inserted);
  }

  async get(id: string): Promise<Task | undefined> {
    const row = await this.#db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
    return row && this.#toTask(row);
  }

  /** Newest first. */
  async list({ status, limit, before }: TaskQuery): Promise<Task[]> {
    let query = this.#db.selectFrom('tasks').selectAll().orderBy('created_at', 'desc').limit(limit);
    if (status) query = query.where('status', '=', status);
    if (before) {
      query = query.where('created_at', '<', (e) =>
        e.selectFrom('tasks').select('created_at').where('id', '=', before),
      );
    }
    return (await query.execute()).map((row) => this.#toTask(row));
  }

  async count(status?: TaskStatus): Promise<number> {
    let query = this.#db.selectFrom('tasks').select((e) => e.fn.countAll().as('n'));
    if (status) query = query.where('status', '=', status);
    return Number((await query.executeTakeFirstOrThrow()).n);
  }

  /** Tasks that still have to run, oldest first. */
  async unfinished(): Promise<Task[]> {
    const rows = await this.#db
      .selectFrom('tasks')
      .selectAll()
      .where('status', 'in', ['queued', 'processing'])
      .orderBy('created_at', 'asc')
      .execute();
    return rows.map((row) => this.#toTask(row));
  }

  /** queued → processing. False when somebody else moved the task first. */
  start(id: string, stage: TaskStage): Promise<boolean> {
    return this.#move(id, 'queued', { status: 'processing', stage, started_at: Date.now(), progress: 0 });
  }

  /**
   * processing → completed. Call it only when every file of `result` is whole and in place. `warnings` are all of the
   * task's, those it was created with among them; left out, they stay as they are.
   */
  complete(id: string, result: TaskResult, steps: number, warnings?: readonly string[]): Promise<boolean> {
    return this.#move(id, 'processing', {
      status: 'completed',
      stage: null,
      step: steps,
      steps,
      progress: 1,
      ended_at: Date.now(),
      result: JSON.stringify(result),
      ...(warnings ? { warnings: JSON.stringify(warnings) } : {}),
    });
  }

  /** queued or processing → error. The stage where it failed stays in the row. */
  fail(id: string, error: TaskError): Promise<boolean> {
    const live = this.#live.get(id);
    return this.#move(id, ['queued', 'processing'], {
      status: 'error',
      ...live,
      ended_at: Date.now(),
      error: JSON.stringify(error),
    });
  }

  /** processing → queued, as after a stop or a crash. `crashed` counts against the task. */
  requeue(id: string, { crashed = false } = {}): Promise<boolean> {
    return this.#move(id, 'processing', {
      status: 'queued',
      stage: null,
      step: null,
      steps: null,
      progress: 0,
      started_at: null,
      ...(crashed ? { crashes: sql<number>`crashes + 1` } : {}),
    });
  }

  /** Marks a task whose picture is the embedded source's stand-in. */
  async markPlaceholder(id: string): Promise<void> {
    await this.#db.updateTable('tasks').set({ placeholder: 1 }).where('id', '=', id).execute();
    this.#changed(id);
  }

  /** Progress of a running task. Lower progress than before is raised to it: a bar never runs backwards. */
  report(id: string, progress: TaskProgress): void {
    const last = this.#live.get(id)?.progress ?? 0;
    this.#live.set(id, { ...progress, progress: Math.max(progress.progress, last) });
    this.#changed(id);
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  async #move(
    id: string,
    from: TaskStatus | readonly TaskStatus[],
    values: UpdateObject<Tables, 'tasks', 'tasks'>,
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('tasks')
      .set(values)
      .where('id', '=', id)
      .where('status', 'in', [from].flat())
      .executeTakeFirst();
    if (result.numUpdatedRows === 0n) return false;
    this.#live.delete(id);
    this.#changed(id);
    return true;
  }

  #changed(id: string): void {
    this.#revision++;
    this.emit('change', id);
  }

  #toTask(row: Selectable<TaskRow>): Task {
    const status = row.status as TaskStatus;
    const live = isTerminal(status) ? undefined : this.#live.get(row.id);
    return {
      id: row.id,
      status,
      stage: live?.stage ?? (row.stage as TaskStage | null),
      step: live?.step ?? row.step,
      steps: live?.steps ?? row.steps,
      progress: live?.progress ?? row.progress,
      createdAt: Number(row.created_at),
      startedAt: row.started_at === null ? null : Number(row.started_at),
      endedAt: row.ended_at === null ? null : Number(row.ended_at),
      crashes: row.crashes,
      placeholder: row.placeholder === 1,
      model: row.model,
      source: JSON.parse(row.source) as TaskSource,
      params: JSON.parse(row.params) as Task['params'],
      warnings: JSON.parse(row.warnings) as string[],
      error: row.error === null ? null : (JSON.parse(row.error) as TaskError),
      result: row.result === null ? null : (JSON.parse(row.result) as TaskResult),
    };
  }
}
