import type { Task } from '../api/wire.js';
import { isCancelled, isRunning, titleOf } from './describe.js';

export const GROUPS = ['all', 'running', 'completed', 'error'] as const;
export type Group = (typeof GROUPS)[number];

export interface Filter {
  readonly group: Group;
  /** Words, all of which must occur. */
  readonly text: string;
}

/** The tasks of a group in which every word occurs: in prompt, address, model, components, size or error, or as their id. */
export function applyFilter(tasks: readonly Task[], { group, text }: Filter): readonly Task[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (group === 'all' && words.length === 0) return tasks;
  return tasks.filter((task) => belongs(task, group) && words.every((word) => mentions(task, word)));
}

/** Cancelled tasks are in no group but that of all. */
const belongs = (task: Task, group: Group): boolean =>
  group === 'all' || (group === 'running' ? isRunning(task) : task.status === group && !isCancelled(task));

/** An id is told by its beginning: in the middle of one any digits occur. */
const mentions = (task: Task, word: string): boolean =>
  textOf(task).includes(word) || (word.length >= ID_PART && task.id.startsWith(word));

const ID_PART = 4;

const texts = new WeakMap<Task, string>();

/** Put together once for each state of a task: a search looks through thousands. */
function textOf(task: Task): string {
  const known = texts.get(task);
  if (known !== undefined) return known;
  const { model, seed, params, error } = task;
  const parts = [
    titleOf(task),
    model,
    `seed ${seed}`,
    params.sampler,
    params.guider,
    `${params.W}×${params.H}`,
  ];
  const text = [...parts, error?.code ?? '', error?.message ?? ''].join('\n').toLowerCase();
  texts.set(task, text);
  return text;
}
