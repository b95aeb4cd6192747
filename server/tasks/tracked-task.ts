import { isTerminal, type Task } from './task.js';

/** The fields of a task as clients see them. */
export type TaskFields = Readonly<Record<string, unknown>>;

/** When what is new about a task came to be. */
export interface Changes {
  /** The revision of the last change of the task itself. */
  readonly own: number;
  /** The revision of the last change of its place in the queue. */
  readonly queue: number;
}

/** The fields that say what a task has to expect in the queue. */
const OF_QUEUE: readonly string[] = ['queue_position', 'eta_seconds'];

interface Field {
  readonly value: unknown;
  /** The value as it is compared. */
  readonly text: string | undefined;
  /** When it became so, as a revision of the table. */
  readonly revision: number;
}

/**
 * A task's fields, each with the revision at which it changed last: what a client has missed since a revision is known
 * without anything being kept for the client.
 */
export class TrackedTask {
  #task: Task | undefined;
  #seenAt = -1;
  #changedAt = -1;
  #fields: ReadonlyMap<string, Field> = new Map();

  /** The row behind the fields; undefined once it is removed. */
  get task(): Task | undefined {
    return this.#task;
  }

  /** The revision at which the task was looked at last. */
  get seenAt(): number {
    return this.#seenAt;
  }

  /** The revision of the last change. */
  get changedAt(): number {
    return this.#changedAt;
  }

  get ended(): boolean {
    return this.#task === undefined || isTerminal(this.#task.status);
  }

  /**
   * Takes in what was seen at the revision `seenAt`. The changes lie after every revision that was looked at before,
   * where there is anything new.
   */
  update(task: Task | undefined, fields: TaskFields, seenAt: number, { own, queue }: Changes): void {
    const next = new Map<string, Field>();
    for (const [name, value] of Object.entries(fields)) {
      const text = JSON.stringify(value) as string | undefined;
      const known = this.#fields.get(name);
      const revision = OF_QUEUE.includes(name) ? Math.max(own, queue) : own;
      next.set(name, known?.text === text && known ? known : { value, text, revision });
    }
    this.#changedAt = Math.max(own, ...[...next.values()].map(({ revision }) => revision));
    this.#fields = next;
    this.#task = task;
    this.#seenAt = seenAt;
  }

  /** The fields that changed after `revision`; all of them for −1. */
  changedAfter(revision: number): TaskFields {
    const changed = [...this.#fields].filter(([, field]) => field.revision > revision);
    return Object.fromEntries(changed.map(([name, { value }]) => [name, value]));
  }
}
