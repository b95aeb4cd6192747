import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { clipCost } from '../pipeline/clip-cost.js';
import { readManifest } from '../pipeline/manifest.js';
import { WorkerPool } from '../pipeline/worker-pool.js';
import { WorkerProcess } from '../pipeline/worker-process.js';
import { createWebhookBody } from './api/webhook-body.js';
import { createApp } from './app.js';
import { readConfig, type Config } from './config.js';
import { claimDataFolder } from './data-folder.js';
import { createGuardedClient } from './images/guarded-client.js';
import { createPictureObtainer, type PictureObtainer } from './images/obtain.js';
import { PICTURE_LIMITS, type PictureLimits } from './images/picture.js';
import type { PictureWork } from './images/picture-work.js';
import { PictureProcesses } from './images/picture-processes.js';
import { createPictureProvider } from './images/providers/create-provider.js';
import { listener } from './listener.js';
import { createMediaStorage } from './media/storage.js';
import { provideModel } from './model-folder.js';
import { openDatabase } from './tasks/database.js';
import { Retention } from './tasks/retention.js';
import { TaskRunner } from './tasks/runner.js';
import { TaskTable } from './tasks/table.js';
import { createWebhooks } from './webhooks/index.js';

/** Starts the service; it takes requests when this resolves. Gives the function that stops it in good order. */
async function start(config: Config, log: Logger): Promise<() => Promise<void>> {
  const dataFolder = claimDataFolder(config.dataDir);
  const modelFolder = await provideModel(config);
  const manifest = await readManifest(modelFolder);
  const pictureLimits = { ...PICTURE_LIMITS, bytes: config.maxUploadBytes, pixels: config.maxPicturePixels };
  const storage = createMediaStorage(config.dataDir);
  const db = await openDatabase(join(config.dataDir, 'tasks.db'));
  const webhooks = await createWebhooks(db, {
    ...config.webhooks,
    toBody: createWebhookBody(config.baseUrl),
    log,
  });
  const table = await TaskTable.open(db, webhooks.journal);
  const workers = startWorkers(modelFolder, config, log);
  const pictures = startPictureProcesses(pictureLimits, log);
  const runner = new TaskRunner({
    table,
    storage,
    workers,
    log,
    pictures: createObtainer(config, pictureLimits, pictures, log),
    pictureConcurrency: config.pictureConcurrency,
    clipTimeoutMs: config.clipTimeoutMs,
    clipCost: (params) => clipCost(params, manifest),
  });
  webhooks.start(table);
  await runner.recover();
  const retention = new Retention({ ...config.retention, db, table, storage, runner, log });
  retention.start();

  const app = createApp({
    config,
    manifest,
    table,
    runner,
    storage,
    pictureLimits,
    pictureWork: pictures.forRequests,
    workers,
    log,
  });
  const server = listener(createServer({ headersTimeout: 10_000, requestTimeout: 120_000 }), app);
  const port = await listen(server, config);
  const url = config.baseUrl ?? `http://localhost:${port}`;
  const facts = { host: config.host, port, model: manifest.name, pictures: config.imageProvider.name };
  log.info(facts, `taking requests at ${url}`);

  return async () => {
    server.close();
    server.closeIdleConnections();
    await runner.close(config.shutdownGraceMs);
    await workers.stop();
    await pictures.stop();
    server.closeAllConnections();
    await retention.close();
    await webhooks.close();
    await table.close();
    dataFolder.release();
  };
}

/** Gives the port, which the system chooses for 0. */
async function listen(server: Server, { port, host }: Config): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}

function startWorkers(modelFolder: string, config: Config, log: Logger): WorkerPool {
  const { lowVram, halfBatch } = config;
  const workers = config.devices.map((device) => {
    const worker = new WorkerProcess({ modelFolder, device, lowVram, halfBatch });
    worker.on('ready', (info) => log[info.warning ? 'warn' : 'info']({ worker: info }, 'worker ready'));
    worker.on('died', (reason) => log.error({ device, reason }, 'worker died and is replaced'));
    worker.on('state', () => {
      if (worker.state === 'unusable') log.error({ device, err: worker.error }, 'worker cannot be used');
    });
    return worker;
  });
  const pool = new WorkerPool(workers);
  pool.start();
  return pool;
}

/** Gets the pictures of prompts and addresses. */
function createObtainer(
  config: Config,
  limits: PictureLimits,
  work: PictureWork,
  log: Logger,
): PictureObtainer {
  const client = createGuardedClient({ maxBytes: limits.bytes });
  return createPictureObtainer({
    provider: createPictureProvider(config.imageProvider, {
      limits,
      work,
      onRetry: (event) => log.warn(event, 'the image provider is asked again'),
    }),
    download: (url, { signal }) => client.download(url, { signal, field: 'image_url' }),
    limits,
    work,
  });
}

function startPictureProcesses(limits: PictureLimits, log: Logger): PictureProcesses {
  const processes = new PictureProcesses(limits);
  processes.on('died', (reason) => log.error({ reason }, 'a process for pictures ended'));
  void processes.warm();
  return processes;
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel });
  const stop = await start(config, log);
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1); // asked twice: at once
    stopping = true;
    log.info({ signal }, 'stopping');
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
