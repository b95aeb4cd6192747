import type { Task } from '../api/wire.js';

export const isRunning = ({ status }: Task): boolean => status === 'queued' || status === 'processing';

/** Whether a task waits for a device; one that has a picture to get does that first. */
export const isWaiting = ({ status, stage }: Task): boolean =>
  status === 'queued' || (status === 'processing' && stage === 'waiting');

/** A cancelled task has not failed, though it ends in an error. */
export const isCancelled = ({ error }: Task): boolean => error?.code === 'cancelled';

/** What a task is about, in a line. */
export function titleOf({ source: { prompt, image_url: url, scenes, name } }: Task): string {
  if (typeof prompt === 'string') return prompt;
  if (typeof url === 'string') return url;
  if (Array.isArray(scenes)) return `${scenes.length} scenes: ${scenes.join(' · ')}`;
  return typeof name === 'string' ? name : 'Uploaded picture';
}

/** A title where there is little room. */
export const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

const STAGES: Readonly<Record<string, string>> = {
  image: 'Getting the picture',
  waiting: 'Waiting for the device',
  encode: 'Encoding the picture',
  sample: 'Sampling',
  decode: 'Decoding',
  write: 'Writing',
};

const SHORT_STAGES: Readonly<Record<string, string>> = {
  image: 'Picture',
  waiting: 'Waiting',
  encode: 'Encoding',
  sample: 'Step',
  decode: 'Decoding',
  write: 'Writing',
};

/** Where a task stands, in words. */
export function statusText(task: Task): string {
  const { status, stage, step, steps, queue_position: position } = task;
  if (status === 'completed') return 'Done';
  if (status === 'error') return isCancelled(task) ? 'Cancelled' : 'Failed';
  if (isWaiting(task) && position !== null) return `${waitingText(task)}, number ${position}`;
  if (status === 'queued') return 'Queued';
  const what = STAGES[stage ?? ''] ?? stage ?? 'Running';
  const counted = (stage === 'sample' || stage === 'decode') && steps !== null && steps > 1;
  return (counted ? `${what} ${step ?? 0} of ${steps}` : what) + partText(task);
}

/** The same in a word or two. */
export function shortStatus(task: Task): string {
  const { status, stage, step, steps, queue_position: position } = task;
  if (isWaiting(task)) return position === null ? waitingText(task) : `${waitingText(task)} ${position}`;
  if (status !== 'processing') return statusText(task);
  const what = SHORT_STAGES[stage ?? ''] ?? stage ?? 'Running';
  return stage === 'sample' && steps !== null ? `${what} ${step ?? 0}/${steps}` : what;
}

const waitingText = ({ status }: Task): string => (status === 'queued' ? 'Queued' : 'Waiting');

/** `, variation 2 of 4` of a task that comes to several clips. */
const partText = ({ kind, part, parts }: Task): string =>
  part !== null && parts !== null && parts > 1
    ? `, ${kind === 'story' ? 'scene' : 'variation'} ${part} of ${parts}`
    : '';

/** A status for colours. */
export const toneOf = (task: Task): string => (isCancelled(task) ? 'cancelled' : task.status);

/** `512×288 · 25 frames · 7 steps · seed 3`. */
export function summaryOf({ kind, params, seed }: Task): string {
  const { W, H, T, steps, num_cols: variations = 1 } = params;
  const parts = [
    variations > 1 && `${variations} variations`,
    kind !== 'clip' && kind,
    `${W}×${H}`,
    T !== undefined && count(T, 'frame'),
    steps !== undefined && count(steps, 'step'),
    `seed ${seed}`,
  ];
  return parts.filter((part) => part !== false).join(' · ');
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** All that decides a task, by name. A story's parameters hold those of its clips, some of both: they are in one list. */
export function scalars(
  params: Readonly<Record<string, unknown>>,
): [name: string, value: string | number | boolean][] {
  return Object.entries(params).flatMap(([name, value]) => {
    if (typeof value === 'object' && value !== null)
      return scalars(value as Record<string, unknown>).filter(([inner]) => !(inner in params));
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[name, value]]
      : [];
  });
}

/** `3 s`, `2 min 05 s`, `1 h 07 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (n: number): string => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** How long ago, roughly. */
export function ago(time: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
}

/** `start_time` of a task, which is UTC without saying so. */
export const startOf = ({ start_time: time }: Task): number | undefined =>
  time === null ? undefined : Date.parse(`${time.replace(' ', 'T')}Z`);

/** Seconds that a task has run, or ran. */
export function elapsedSeconds(task: Task, now: number): number | undefined {
  const start = startOf(task);
  if (start === undefined) return undefined;
  const end = task.finished_at === null ? now : Date.parse(task.finished_at);
  return Math.max(0, (end - start) / 1000);
}

/** `1.1 GB`. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
