import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { History } from './attack.js';
import type { TaskJson } from './client.js';
import { isRunning, processesWith } from './processes.js';
import type { References } from './references.js';

export interface Figures {
  readonly figures: Readonly<Record<string, string | number>>;
  /** The promises that were not kept. */
  readonly broken: readonly string[];
}

/** Errors that a task may end with when its worker was killed under it again and again. */
const HONEST = ['worker_crashed'];
/** What may lie in the data folder beside the files of completed tasks. */
const EXPECTED = ['tasks.db', 'tasks.db-wal', 'tasks.db-shm', 'server.lock'];
const WEBHOOK_LIMIT_MS = 60_000;
/** A child of a server that was killed may live this long: one that is still starting notices when it has started. */
const ORPHAN_MS = 15_000;

/** Counts what became of every task, and what is left when the service has stopped. */
export async function inspect(history: History, references: References): Promise<Figures> {
  const { service, client, tasks, restarts } = history;
  const outcomes = await Promise.all([...tasks.values()].map(({ outcome }) => outcome));
  await webhooksOf(history);
  const rows = await client.all();
  const differing = await countDiffering(history, rows, references);
  const exit = await service.stop();
  history.receiver.close();
  const left = await leftIn(history.data, rows);
  const orphans = processesWith('TORTURE', history.mark).filter(isRunning);

  const { server, worker, both } = service.kills;
  const resumed = service.log.filter(({ msg }) => msg === 'clip resumed');
  const errors = rows.filter(({ status }) => status === 'error').map(({ error }) => error?.code ?? 'none');
  const honest = errors.filter((code) => HONEST.includes(code)).length;
  const promises: Record<string, number> = {
    lost: outcomes.filter(({ status }) => status === 'lost').length,
    'stuck unfinished': rows.filter(({ status }) => !['completed', 'error'].includes(status)).length,
    'failed for no good reason': errors.length - honest,
    duplicated: countDuplicates(history, rows),
    'ends not told to a webhook': untold(history).length,
    'results unlike those of an uninterrupted run': differing,
    'partial files': left.filter((path) => path.endsWith('.part')).length,
    'orphan files': left.filter((path) => !path.endsWith('.part')).length,
    'orphan processes': orphans.length + (service.longestOrphan > ORPHAN_MS ? 1 : 0),
    'deaths of its own': service.deaths,
    'unclean stops': exit === 0 ? 0 : 1,
  };
  return {
    figures: {
      kills: `${server + worker + both} (server ${server}, worker ${worker}, both ${both})`,
      'stops in good order': restarts,
      submitted: tasks.size + client.unanswered,
      acknowledged: tasks.size,
      'in the table': rows.length,
      completed: rows.filter(({ status }) => status === 'completed').length,
      'failed honestly': honest,
      resumed: `${resumed.length} times, ${new Set(resumed.map(({ task }) => task)).size} tasks`,
      'longest life of an orphan': `${Math.round(service.longestOrphan)} ms`,
      ...promises,
    },
    broken: Object.entries(promises)
      .filter(([, n]) => n > 0)
      .map(([name, n]) => `${name}: ${n}`)
      .concat(left.map((path) => `left behind: ${path}`)),
  };
}

/** Tasks of which nothing, or two things, was told. */
const untold = ({ tasks, receiver }: History): string[] =>
  [...tasks].filter(([id, { webhook }]) => webhook && !receiver.ends.has(id)).map(([id]) => id);

/** A message that was under way at a kill is sent again. */
async function webhooksOf(history: History): Promise<void> {
  const deadline = Date.now() + WEBHOOK_LIMIT_MS;
  while (untold(history).length > 0 && Date.now() < deadline) await pause(100);
}

/** Tasks that nobody asked for, that completed twice, or whose end was told in two ways. */
function countDuplicates({ service, client, tasks, receiver }: History, rows: readonly TaskJson[]): number {
  const unasked = Math.max(0, rows.length - tasks.size - client.unanswered);
  const completions = new Map<unknown, number>();
  for (const { msg, task } of service.log) {
    if (msg === 'video completed') completions.set(task, (completions.get(task) ?? 0) + 1);
  }
  const twice = [...completions.values()].filter((n) => n > 1).length;
  const ends = [...receiver.ends.values()].filter(({ size }) => size > 1).length;
  return unasked + twice + ends;
}

/** Completed tasks whose files are not those of the reference: as their clients saw them, and as they are now. */
async function countDiffering(
  { client, tasks }: History,
  rows: readonly TaskJson[],
  { digests }: References,
): Promise<number> {
  let differing = 0;
  for (const row of rows.filter(({ status }) => status === 'completed')) {
    const seen = (await tasks.get(row.id)?.outcome)?.digest;
    const now = await client.digest(row);
    if (now !== digests.get(row.seed) || (seen ?? now) !== now) differing++;
  }
  return differing;
}

/** Files in the data folder that should not be there. */
async function leftIn(data: string, rows: readonly TaskJson[]): Promise<string[]> {
  const entries = await readdir(data, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() || isWorkFolder(data, entry.parentPath));
  const wanted = new Set(
    rows
      .filter(({ status }) => status === 'completed')
      .flatMap(({ id, videos, grid_url }) => [
        ...videos.flatMap((_, i) => [`video-${i}.mp4`, `thumbnail-${i}.png`]).map((name) => fileOf(id, name)),
        ...(grid_url === null ? [] : [fileOf(id, 'grid.mp4')]),
      ])
      .concat(
        EXPECTED,
        rows.map(({ id }) => join('uploads', `${id}.png`)),
      )
      .map((path) => join(data, path)),
  );
  return files.map(({ parentPath, name }) => join(parentPath, name)).filter((path) => !wanted.has(path));
}

const fileOf = (id: string, name: string): string => join('media', id.slice(0, 2), id, name);

/** Folders in here are of one task each, and go when it ends. */
const isWorkFolder = (data: string, parent: string): boolean =>
  ['work', 'checkpoints'].some((name) => parent === join(data, name));
