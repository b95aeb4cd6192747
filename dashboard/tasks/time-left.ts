import type { Task } from '../api/wire.js';

const told = new WeakMap<Task, number>();

/** Notes when the service has told this of a task. */
export function noteTold(task: Task, now = Date.now()): void {
  told.set(task, now);
}

/** Seconds that a task still takes: what the service said, counted down since; undefined where it said nothing. */
export function secondsLeft(task: Task, now: number): number | undefined {
  const { eta_seconds: left } = task;
  return left === null ? undefined : Math.max(0, left - (now - (told.get(task) ?? now)) / 1000);
}
