/**
 * `npm run bench:server`: how quickly /status answers with 1,000 tasks in the table, at rest and while a clip runs. Starts
 * the built service on loopback with a data folder of its own; bounded in time.
 */
import autocannon from 'autocannon';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { resolveClip } from '../pipeline/clip-request.js';
import { readManifest } from '../pipeline/manifest.js';
import { provideModel } from '../server/model-folder.js';
import { openDatabase } from '../server/tasks/database.js';
import { TaskTable } from '../server/tasks/table.js';
import { startBuiltService } from './built-service.js';

const TASKS = 1000;
const SECONDS = 8;
const CONNECTIONS = 10;

async function fillTable(dataDir: string, modelsDir: string): Promise<string> {
  const manifest = await readManifest(await provideModel({ modelsDir, model: 'kenburns' }));
  const { params } = resolveClip({ seed: 1 }, manifest);
  const table = await TaskTable.open(await openDatabase(join(dataDir, 'tasks.db')));
  let id = '';
  for (let i = 0; i < TASKS; i++) {
    id = randomBytes(16).toString('hex');
    await table.create({ id, source: { type: 'upload' }, params, model: 'kenburns', warnings: [] });
    await table.start(id, 'encode');
    const video = { file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: 1, frames: 25, bytes: 1e5 };
    await table.complete(id, { videos: [video] }, params.steps);
  }
  await table.close();
  return id;
}

/** Submits a clip that outlasts the measurements, and waits until it is being sampled. */
async function startLongClip(url: string): Promise<void> {
  const picture = await sharp({ create: { width: 512, height: 288, channels: 3, background: '#456' } })
    .png()
    .toBuffer();
  const body = new FormData();
  body.append('image', new Blob([new Uint8Array(picture)]), 'picture.png');
  body.append('steps', '1000');
  const response = await fetch(`${url}/img2vid`, { method: 'POST', body });
  const { id } = (await response.json()) as { id: string };
  for (;;) {
    const task = (await (await fetch(`${url}/status?id=${id}`)).json()) as { stage: string };
    if (task.stage === 'sample') return;
    await pause(50);
  }
}

interface Case {
  readonly name: string;
  readonly path: string;
  readonly etag?: boolean;
  readonly gzip?: boolean;
}

/** A poller with `etag` sends the tag of its last answer, as a dashboard does. */
async function measure(url: string, { path, etag, gzip }: Case): Promise<autocannon.Result> {
  const follow = (client: autocannon.Client): void => {
    client.on('headers', ({ headers }) => {
      const list = headers as unknown as string[]; // name, value, name, value, …
      const at = list.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'etag');
      if (at >= 0) client.setHeaders({ 'if-none-match': list[at + 1] });
    });
  };
  return autocannon({
    url: `${url}${path}`,
    connections: CONNECTIONS,
    duration: SECONDS,
    headers: { 'accept-encoding': gzip ? 'gzip' : 'identity' },
    ...(etag ? { setupClient: follow } : {}),
  });
}

const failures = (result: autocannon.Result): number =>
  result.errors + result.timeouts + result['4xx'] + result['5xx'];

const folder = await mkdtemp(join(tmpdir(), 'bench-server-'));
const id = await fillTable(join(folder, 'data'), join(folder, 'models'));
const service = startBuiltService({ DATA_DIR: join(folder, 'data'), MODELS_DIR: join(folder, 'models') });
const { child } = service;
const url = await service.url;
const cases: readonly Case[] = [
  { name: `all ${TASKS} tasks`, path: '/status' },
  { name: `all ${TASKS} tasks, compressed`, path: '/status', gzip: true },
  { name: 'the newest 50 tasks', path: '/status?limit=50' },
  { name: 'one task', path: `/status?id=${id}` },
  { name: 'all tasks, polled with the last ETag', path: '/status', etag: true },
];
try {
  await measure(url, cases[0]); // warm-up
  const rest: autocannon.Result[] = [];
  for (const one of cases) rest.push(await measure(url, one));
  await startLongClip(url);
  console.log('| /status | at rest: req/s | p99 ms | while a clip runs: req/s | p99 ms | p99 ratio |');
  console.log('|---|---|---|---|---|---|');
  for (const [i, one] of cases.entries()) {
    const busy = await measure(url, one);
    const ratio = busy.latency.p99 / Math.max(rest[i].latency.p99, 1);
    const cells = [rest[i].requests.average, rest[i].latency.p99, busy.requests.average, busy.latency.p99];
    console.log(`| ${one.name} | ${cells.map((n) => Math.round(n)).join(' | ')} | ${ratio.toFixed(1)} |`);
    const failed = failures(rest[i]) + failures(busy);
    if (failed > 0) throw new Error(`${failed} requests failed`);
  }
} finally {
  child.kill('SIGKILL');
  await once(child, 'exit');
  await rm(folder, { recursive: true, force: true });
}
