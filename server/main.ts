import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { clipCost, recipeCost } from '../pipeline/clip-cost.js';
import { readManifest } from '../pipeline/manifest.js';
import { WorkerPool } from '../pipeline/worker-pool.js';
import { WorkerProcess } from '../pipeline/worker-process.js';
import type { AccessSettings } from './access/settings.js';
import { createWebhookBody } from './api/webhook-body.js';
import { createApp } from './app.js';
import { readPage } from './dashboard/page.js';
import { readConfig, type Config } from './config.js';
import { claimDataFolder } from './data-folder.js';
import { serveHttp } from './http-server.js';
import { createGuardedClient } from './images/guarded-client.js';
import { createPictureObtainer, type PictureObtainer } from './images/obtain.js';
import { PICTURE_LIMITS, type PictureLimits } from './images/picture.js';
import type { PictureWork } from './images/picture-work.js';
import { PictureProcesses } from './images/picture-processes.js';
import { createPictureProvider } from './images/providers/create-provider.js';
import { createMediaStorage } from './media/storage.js';
import { provideModel } from './model-folder.js';
import { openDatabase } from './tasks/database.js';
import { Retention } from './tasks/retention.js';
import { TaskRunner } from './tasks/runner.js';
import { TaskTable } from './tasks/table.js';
import { createLog, secretsOf } from './telemetry/log.js';
import { Metrics } from './telemetry/metrics.js';
import { watchProcesses } from './telemetry/watch-processes.js';
import { watchTasks } from './telemetry/watch-tasks.js';
import { createWebhooks } from './webhooks/index.js';

/** Starts the service; it takes requests when this resolves. Gives the function that stops it in good order. */
async function start(config: Config, log: Logger): Promise<() => Promise<void>> {
  const dataFolder = claimDataFolder(config.dataDir);
  const modelFolder = await provideModel(config);
  const manifest = await readManifest(modelFolder);
  const pictureLimits = { ...PICTURE_LIMITS, bytes: config.maxUploadBytes, pixels: config.maxPicturePixels };
  const metrics = new Metrics();
  const storage = createMediaStorage(config.dataDir);
  const db = await openDatabase(join(config.dataDir, 'tasks.db'));
  const webhooks = await createWebhooks(db, {
    ...config.webhooks,
    toBody: createWebhookBody(config.baseUrl),
    log,
    onAttempt: (outcome) => metrics.webhookAttempts.inc({ outcome }),
  });
  const table = await TaskTable.open(db, webhooks.journal);
  const workers = startWorkers(modelFolder, config, log);
  const pictures = startPictureProcesses(pictureLimits, log);
  const runner = new TaskRunner({
    table,
    storage,
    workers,
    log,
    pictures: createObtainer(config, { limits: pictureLimits, work: pictures, log, metrics }),
    pictureConcurrency: config.pictureConcurrency,
    clipTimeoutMs: config.clipTimeoutMs,
    keepsUploads: config.retention.keepUploadsMs > 0,
    clipCost: (params) => clipCost(params, manifest),
  });
  for (const worker of workers.workers) {
    worker.on('ready', ({ pace }) => pace && runner.expectPace(pace, recipeCost(manifest)));
  }
  const parts = { config, manifest, table, runner, storage, pictureLimits, workers, log, metrics };
  const retention = new Retention({ ...config.retention, ...parts, db });
  watchTasks({ ...parts, prompts: config.logPrompts });
  if (config.metrics !== 'off') watchProcesses({ ...parts, pictures, retention });
  webhooks.start(table);
  await runner.recover();
  retention.start();

  const page = await readPage(fileURLToPath(new URL('../page', import.meta.url)));
  const app = createApp({ ...parts, page, pictureWork: pictures.forRequests });
  const { server, port } = await serveHttp(app, config);
  logAccess(config.access, log);
  log.info(
    { host: config.host, port, model: manifest.name, pictures: config.imageProvider.name },
    `taking requests at ${config.baseUrl ?? `http://localhost:${port}`}`,
  );

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

function logAccess({ keys, admins }: AccessSettings, log: Logger): void {
  if (keys.length > 0) log.info({ keys: keys.length, admins: admins.length }, 'access keys are needed');
  else log.warn('no access keys are set: the service is open to everybody who can reach it');
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

interface ObtainerContext {
  readonly limits: PictureLimits;
  readonly work: PictureWork;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Gets the pictures of prompts and addresses. */
function createObtainer(config: Config, { limits, work, log, metrics }: ObtainerContext): PictureObtainer {
  const client = createGuardedClient({ maxBytes: limits.bytes });
  return createPictureObtainer({
    provider: createPictureProvider(config.imageProvider, {
      limits,
      work,
      onRequest: (event) => metrics.providerRequests.inc({ ...event }),
      onRetry: (event) => {
        metrics.providerRetries.inc({ call: event.call });
        log.warn(event, 'the image provider is asked again');
      },
    }),
    download: (url, { signal }) => client.download(url, { signal, field: 'image_url' }),
    limits,
    work,
  });
}

function startPictureProcesses(limits: PictureLimits, log: Logger): PictureProcesses {
  const processes = new PictureProcesses({ pixels: limits.pixels });
  processes.on('died', (how, reason) => log.error({ how, reason }, 'a process for pictures ended'));
  void processes.warm();
  return processes;
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({
    level: config.logLevel,
    secrets: secretsOf(process.env),
    prompts: config.logPrompts,
  });
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
