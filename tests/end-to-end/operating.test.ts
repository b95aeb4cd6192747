import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hasEnded, logged, poll, post, startServer, type ServerProcess } from './server-process.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
const QUICK = { W: '64', H: '64', T: '2', steps: '3', num_cols: '2' };
const PROMPT = 'a secret lighthouse';

let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'end-to-end-operating-'));
  server = await startServer({
    DATA_DIR: join(folder, 'data'),
    MODELS_DIR: join(folder, 'models'),
    LOG_LEVEL: 'debug',
  });
});
afterAll(async () => {
  await server.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The samples of the metrics, by name and labels as they are written. */
const scrape = async (): Promise<ReadonlyMap<string, number>> => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line)?.[0])]));
};
const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !(await holds()); await pause(20)) {
    if (Date.now() > deadline) throw new Error('Waited in vain');
  }
};

describe('whoever runs the service', () => {
  test('sees in the metrics what two clips took, and what the processes take', async () => {
    for (const [fields, picture] of [[QUICK, rocket], [{ ...QUICK, prompt: PROMPT }]] as const) {
      const { id } = await post(server.url, fields, picture);
      expect(await poll(server.url, id, hasEnded)).toMatchObject({ status: 'completed' });
    }
    const metrics = await scrape();
    for (const stage of ['encode', 'sample', 'decode', 'write']) {
      expect(metrics.get(`img2vid_stage_seconds_count{stage="${stage}"}`)).toBe(2);
    }
    expect(metrics.get('img2vid_sampling_steps_total')).toBe(2 * 3 * 2);
    expect(metrics.get('img2vid_sampling_steps_per_second')).toBeGreaterThan(0);
    expect(metrics.get('img2vid_tasks_ended_total{end="completed",code=""}')).toBe(2);
    expect(metrics.get('img2vid_tasks_waiting')).toBe(0);
    expect(metrics.get('img2vid_media_bytes')).toBeGreaterThan(1000);
    expect(metrics.get('img2vid_disk_free_bytes')).toBeGreaterThan(2 ** 20);
    const info = [...metrics.keys()].find((name) => name.startsWith('img2vid_info{'));
    expect(info).toMatch(/version="\d+\.\d+\.\d+",.*model="kenburns"/);
    expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(2 ** 20);
    if (process.platform !== 'linux') return;
    const children = [...metrics].filter(([name]) => name.startsWith('img2vid_child_resident_memory_bytes'));
    expect(children.map(([name]) => name).join()).toMatch(/"worker 0".*"pictures 0"/);
    for (const [, bytes] of children) expect(bytes).toBeGreaterThan(2 ** 20);
  });

  test('sees that the service is ready, and that a worker died', async () => {
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    const ready = await logged(server, { msg: 'worker ready' });
    const worker = ready.worker as { pid: number; memoryBytes: number };
    expect(worker.memoryBytes).toBeGreaterThan(2 ** 28);
    expect(worker.memoryBytes).toBeLessThanOrEqual(totalmem());
    process.kill(worker.pid, 'SIGKILL');
    await until(async () => (await scrape()).get('img2vid_worker_deaths_total{device="auto"}') === 1);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  });

  test('finds every task and request in the log, by ids, and no prompt', () => {
    const accepted = server.log.filter(({ msg }) => msg === 'task accepted');
    expect(accepted.map(({ source }) => source)).toEqual(['upload', 'prompt']);
    for (const { task } of accepted) {
      const lines = server.log.filter((line) => line.task === task).map(({ msg }) => msg);
      expect(lines).toEqual(expect.arrayContaining(['task accepted', 'request', 'video completed']));
    }
    const requests = server.log.filter(({ msg }) => msg === 'request');
    expect(requests.length).toBeGreaterThan(4);
    for (const { request } of requests) expect(request).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(server.log)).not.toContain(PROMPT);
  });
});
