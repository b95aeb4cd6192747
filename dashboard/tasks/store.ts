import { useEffect, useState } from 'preact/hooks';
import type { Task, TaskPage } from '../api/wire.js';
import { isRunning, isWaiting } from './describe.js';
import { noteTold } from './time-left.js';

/** How the page hears of changes. */
export type Connection = 'connecting' | 'live' | 'polling' | 'offline' | 'locked';

/** Everything that the page knows of tasks, newest first. Tells its followers once for all changes of one moment. */
export class TaskStore {
  readonly #tasks = new Map<string, Task>();
  readonly #hidden = new Set<string>();
  readonly #followers = new Set<() => void>();
  #sorted: readonly Task[] | undefined;
  #total = 0;
  #complete = false;
  /** A task older than this is known for a reason of its own; between it and the list may lie others. */
  #floor = '';
  #connection: Connection = 'connecting';
  #refusals = 0;
  #announced = false;

  get tasks(): readonly Task[] {
    return (this.#sorted ??= this.#listed()
      .filter(({ id }) => !this.#hidden.has(id))
      .sort((a, b) => (a.created_at < b.created_at ? 1 : -1)));
  }

  /** Tasks that the service has, also those not loaded yet. */
  get total(): number {
    return Math.max(this.#total - this.#hidden.size, this.tasks.length);
  }

  /** How many tasks wait or run. */
  get running(): number {
    return this.tasks.filter(isRunning).length;
  }

  /** How many of these wait. */
  get waiting(): number {
    return this.tasks.filter(isWaiting).length;
  }

  /** True when no task is left to be loaded. */
  get complete(): boolean {
    return this.#complete;
  }

  get connection(): Connection {
    return this.#connection;
  }

  set connection(connection: Connection) {
    if (this.#connection === connection) return;
    this.#connection = connection;
    this.#changed();
  }

  /** How often the service has refused the access key, or the lack of one. */
  get refusals(): number {
    return this.#refusals;
  }

  lock(): void {
    this.#connection = 'locked';
    this.#refusals++;
    this.#changed();
  }

  get(id: string): Task | undefined {
    return this.#hidden.has(id) ? undefined : this.#tasks.get(id);
  }

  /** The oldest task in the list, hidden ones included: the next page begins behind it. */
  get oldest(): Task | undefined {
    let oldest: Task | undefined;
    for (const task of this.#listed()) if (!oldest || task.created_at < oldest.created_at) oldest = task;
    return oldest;
  }

  /** Begins anew with the newest page. */
  reset(page: TaskPage): void {
    this.#tasks.clear();
    this.#floor = '';
    this.add(page);
  }

  /** Adds a page of older tasks. */
  add({ tasks, total, next }: TaskPage): void {
    for (const task of tasks) this.#keep(task);
    this.#total = total;
    this.#complete = next === null;
    this.#floor = next === null ? '' : (tasks.at(-1)?.created_at ?? '');
    this.#changed();
  }

  put(task: Task): void {
    if (!this.#tasks.has(task.id) && task.created_at >= this.#floor) this.#total++;
    this.#keep(task);
    this.#changed();
  }

  update(id: string, fields: Partial<Task>): void {
    const task = this.#tasks.get(id);
    if (task) this.put({ ...task, ...fields });
  }

  remove(id: string): void {
    if (this.#tasks.delete(id)) this.#total--;
    this.#hidden.delete(id);
    this.#changed();
  }

  /** Takes a task out of sight, for as long as its removal can be undone. */
  hide(id: string, hidden: boolean): void {
    if (hidden) this.#hidden.add(id);
    else this.#hidden.delete(id);
    this.#changed();
  }

  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #keep(task: Task): void {
    noteTold(task);
    this.#tasks.set(task.id, task);
  }

  #listed(): Task[] {
    return [...this.#tasks.values()].filter((task) => task.created_at >= this.#floor);
  }

  #changed(): void {
    this.#sorted = undefined;
    if (this.#announced) return;
    this.#announced = true;
    setTimeout(() => {
      this.#announced = false;
      for (const follower of this.#followers) follower();
    }, 16);
  }
}

export const store = new TaskStore();

/** Draws the component anew when tasks change. */
export function useTasks(): TaskStore {
  const [, redraw] = useState(0);
  useFollower(() => redraw((n) => n + 1));
  return store;
}

/** Something of all tasks; draws the component anew when that changes. */
export function useOfTasks<T extends string | number>(select: (store: TaskStore) => T): T {
  const [selected, setSelected] = useState(select(store));
  useFollower(() => setSelected(select(store)));
  return selected;
}

/** Calls for the first time when the component is there: tasks may have changed since it was drawn. */
function useFollower(follower: () => void): void {
  useEffect(() => {
    follower();
    return store.follow(follower);
  }, []);
}
