import { ChangeLog } from './change-log.js';
import { SealedNumbers } from './sealed-numbers.js';
import type { TaskTable } from './table.js';
import type { Task } from './task.js';
import { TrackedTask, type Changes, type TaskFields } from './tracked-task.js';

/** Follows every task. */
export const ALL = Symbol('all tasks');

/** Tasks whose fields are remembered. For one that is forgotten, a client that comes back gets all fields again. */
const TRACKED = 1000;

/**
 * What followers of tasks share: which tasks have changed, and each changed task as it is now, read once for each change
 * however many follow it. While nothing changes nothing is read.
 */
export class TaskFeed {
  readonly log: ChangeLog;
  readonly #table: TaskTable;
  readonly #places = new SealedNumbers();
  readonly #toFields: (task: Task) => TaskFields;
  /** The one used last is the last. */
  readonly #tracked = new Map<string, TrackedTask>();
  readonly #reading = new Map<string, Promise<TrackedTask>>();
  readonly #followers = new Map<string | typeof ALL, Set<() => void>>();
  #queueChangedAt: number;

  constructor(table: TaskTable, toFields: (task: Task) => TaskFields) {
    this.#table = table;
    this.#toFields = toFields;
    this.log = new ChangeLog(table); // before our own listener: who is woken finds the change in the log
    this.#queueChangedAt = table.revision;
    table.on('change', (id) => {
      this.#wake(id);
      this.#wake(ALL);
    });
    table.on('queue', () => {
      this.#queueChangedAt = table.revision;
      for (const id of this.#followers.keys()) {
        if (typeof id === 'symbol' || this.#waits(id)) this.#wake(id);
      }
    });
  }

  /** The revision at which those who wait for a device were last others, or in another order. */
  get queueChangedAt(): number {
    return this.#queueChangedAt;
  }

  get revision(): number {
    return this.#table.revision;
  }

  /** The place of a revision in the course of changes, for a client to come back to. */
  position(revision: number): string {
    return this.#places.seal(revision);
  }

  /** The revision at such a place; undefined where it is not of this course, or too long ago. */
  revisionAt(position: string): number | undefined {
    const revision = this.#places.open(position);
    if (revision === undefined) return undefined;
    return revision >= this.log.floor && revision <= this.#table.revision ? revision : undefined;
  }

  /** Calls `wake` after every change of the task, or of any task. Gives the function that ends it. */
  follow(id: string | typeof ALL, wake: () => void): () => void {
    const followers = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, followers.add(wake));
    return () => {
      followers.delete(wake);
      if (followers.size === 0 && this.#followers.get(id) === followers) this.#followers.delete(id);
    };
  }

  /** The task as it is now. */
  async look(id: string): Promise<TrackedTask> {
    for (;;) {
      const tracked = this.#tracked.get(id);
      if (tracked && tracked.seenAt >= this.#lastChange(id, tracked.task)) {
        this.#keep(id, tracked);
        return tracked;
      }
      // A reading that began before the last change is waited for all the same, and then found to be too old.
      await (this.#reading.get(id) ?? this.#read(id));
    }
  }

  #read(id: string): Promise<TrackedTask> {
    const reading = this.#table
      .snapshot(id, (task, revision) => {
        const tracked = this.#tracked.get(id) ?? new TrackedTask();
        tracked.update(task, task ? this.#toFields(task) : {}, revision, this.#changes(id, task));
        this.#keep(id, tracked);
        return tracked;
      })
      .finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    return reading;
  }

  /** Of a task in the queue, its place in it can change without the task itself. */
  #changes(id: string, task: Task | undefined): Changes {
    const own = this.log.changedAt(id);
    return { own, queue: task?.status === 'queued' ? this.#queueChangedAt : own };
  }

  #lastChange(id: string, task: Task | undefined): number {
    const { own, queue } = this.#changes(id, task);
    return Math.max(own, queue);
  }

  #waits(id: string): boolean {
    return this.#tracked.get(id)?.task?.status === 'queued';
  }

  #keep(id: string, tracked: TrackedTask): void {
    this.#tracked.delete(id);
    this.#tracked.set(id, tracked);
    if (this.#tracked.size <= TRACKED) return;
    for (const oldest of this.#tracked.keys()) {
      this.#tracked.delete(oldest);
      return;
    }
  }

  #wake(id: string | typeof ALL): void {
    for (const wake of this.#followers.get(id) ?? []) wake();
  }
}
