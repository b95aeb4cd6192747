import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import {
  hasEnded,
  logged,
  poll,
  post,
  startServer,
  type ServerProcess,
  type TaskJson,
} from './server-process.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
/** Long enough for several checkpoints: the first is saved when one costs 1 % of the time. */
const CLIP = { W: '128', H: '64', T: '7', steps: '250', seed: '5', sampler: 'EulerAncestralSampler' };

const folder = mkdtempSync(join(tmpdir(), 'resume-'));
const data = join(folder, 'data');
const running: ServerProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((server) => server.end('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

const start = async (): Promise<ServerProcess> => {
  const env = { DATA_DIR: data, MODELS_DIR: join(folder, 'models'), SHUTDOWN_GRACE_SECONDS: '0' };
  const server = await startServer(env);
  running.push(server);
  return server;
};
const filesIn = async (name: string): Promise<string[]> =>
  readdir(join(data, name), { recursive: true }).catch(() => []);

/** Waits for a checkpoint that was saved after `time`. */
async function checkpointAfter(time: number): Promise<void> {
  for (;;) {
    for (const name of await filesIn('checkpoints')) {
      if (!name.endsWith('.checkpoint')) continue;
      const { mtimeMs } = await stat(join(data, 'checkpoints', name)).catch(() => ({ mtimeMs: 0 }));
      if (mtimeMs > time) return;
    }
    await pause(10);
  }
}

const videoOf = async ({ url }: ServerProcess, task: TaskJson): Promise<Buffer> =>
  Buffer.from(await (await fetch(`${url}${String(task.video_url)}`)).arrayBuffer());
const resumedAt = ({ log }: ServerProcess): unknown[] =>
  log.filter(({ msg }) => msg === 'clip resumed').map(({ step }) => step);
const killWorker = async (server: ServerProcess): Promise<void> => {
  const { worker } = (await logged(server, { msg: 'worker ready' })) as { worker: { pid: number } };
  process.kill(worker.pid, 'SIGKILL');
};

test('a clip goes on at its step whoever is killed, and its video is that of an uninterrupted run', async () => {
  let server = await start();
  const whole = await poll(server.url, (await post(server.url, CLIP, rocket)).id, hasEnded);
  expect(whole.status).toBe('completed');
  const expected = await videoOf(server, whole);

  const steps: unknown[] = [];
  const { id } = await post(server.url, CLIP, rocket);
  let since = Date.now();
  const interrupt = async (kill: () => unknown): Promise<void> => {
    await checkpointAfter(since);
    since = Date.now();
    await kill();
  };

  await interrupt(() => killWorker(server));
  await poll(server.url, id, ({ stage }) => stage === 'sample' && resumedAt(server).length > 0);
  steps.push(...resumedAt(server));

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await interrupt(() => server.end(signal));
    server = await start();
    await poll(server.url, id, () => resumedAt(server).length > 0);
    steps.push(...resumedAt(server));
  }

  const task = await poll(server.url, id, hasEnded);
  expect(task.status).toBe('completed');
  expect((await videoOf(server, task)).equals(expected)).toBe(true);
  expect(steps).toHaveLength(3);
  expect(steps).toEqual([...steps].sort((a, b) => Number(a) - Number(b)));
  expect(Number(steps[0])).toBeGreaterThan(0);
  // The last that is done for a task is to log it.
  const completed = await logged(server, { msg: 'video completed', task: id });
  expect(completed).toMatchObject({ resumedSteps: steps[2] });
  expect(await filesIn('checkpoints')).toEqual([]);
  expect(await filesIn('work')).toEqual([]);
}, 120_000);
