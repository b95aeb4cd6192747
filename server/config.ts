import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { z } from 'zod';
import {
  ACCESS_SECRET_VARIABLES,
  accessEnvironment,
  accessSettings,
  checkAccess,
  type AccessSettings,
} from './access/settings.js';
import { admissionEnvironment, admissionSettings, type AdmissionSettings } from './admission/settings.js';
import {
  checkProvider,
  providerEnvironment,
  providerSettings,
  SECRET_VARIABLES,
  type ProviderSettings,
} from './images/providers/settings.js';
import type { RetentionSettings } from './tasks/retention.js';
import {
  webhookEnvironment,
  webhookSettings,
  WEBHOOK_SECRET_VARIABLES,
  type WebhookSettings,
} from './webhooks/settings.js';

/** Comes with the service, which is compiled into another folder than its sources. */
const BUNDLED_PICTURE = createRequire(import.meta.url).resolve('#assets/default-picture.jpg');

const integer = (fallback: number, min: number, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

/** A number above zero, fractions allowed; none when left out. */
const amount = (max: number) => z.coerce.number().positive().max(max).optional();

const deviceList = z
  .string()
  .regex(/^(auto|cpu|cuda(:\d+)?(,cuda:\d+)*)$/, 'expected auto, cpu, cuda, or a list such as cuda:0,cuda:1')
  .default('auto');

const flag = (fallback: '0' | '1') =>
  z
    .enum(['0', '1', 'false', 'true'])
    .default(fallback)
    .transform((value) => value === '1' || value === 'true');

const variables = z.object({
  PORT: integer(5000, 0, 65535),
  HOST: z.string().min(1).default('0.0.0.0'),
  BASE_URL: z.url().optional(),
  RUNPOD_POD_ID: z
    .string()
    .regex(/^[a-z0-9]+$/i)
    .optional(),
  DATA_DIR: z.string().min(1).default('./data'),
  MODELS_DIR: z.string().min(1).default('./models'),
  MODEL: z.string().min(1).default('kenburns'),
  DEVICE: deviceList,
  LOW_VRAM: flag('0'),
  HALF_BATCH: flag('0'),
  ...providerEnvironment,
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  MAX_UPLOAD_MB: integer(20, 1, 1000),
  MAX_PICTURE_MEGAPIXELS: integer(40, 1, 1000),
  PICTURE_CONCURRENCY: integer(4, 1, 64),
  SHUTDOWN_GRACE_SECONDS: integer(10, 0, 3600),
  CLIP_TIMEOUT_SECONDS: integer(3600, 10, 86_400),
  EVENTS_SECONDS: integer(90, 1, 86_400),
  SYNC_SECONDS: integer(90, 1, 3600),
  DEFAULT_PICTURE: z.string().min(1).default(BUNDLED_PICTURE),
  IMG2VIDEO_KEEP_HOURS: integer(24, 1, 87_600),
  MIN_FREE_DISK_MB: integer(256, 0),
  METRICS: flag('1'),
  METRICS_OPEN: flag('0'),
  LOG_PROMPTS: flag('0'),
  MAX_SCENES: integer(20, 2, 1000),
  KEEP_DAYS: amount(36_500),
  KEEP_UPLOADS_HOURS: integer(24, 0, 87_600),
  MAX_MEDIA_GB: amount(1_000_000),
  ...webhookEnvironment,
  ...accessEnvironment,
  ...admissionEnvironment,
});

const SECRETS = [...SECRET_VARIABLES, ...WEBHOOK_SECRET_VARIABLES, ...ACCESS_SECRET_VARIABLES];

const environment = variables.superRefine(checkProvider).superRefine(checkAccess);

/** Everything that the environment decides, checked and typed. Paths are absolute. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** The service's public address, without a trailing slash; undefined when only relative links are right. */
  readonly baseUrl: string | undefined;
  readonly dataDir: string;
  readonly modelsDir: string;
  /** A model's name under `modelsDir`, or a path to its folder. */
  readonly model: string;
  /** One worker process runs per entry. */
  readonly devices: readonly string[];
  /** Workers hold one graph in memory at a time: slower, for devices that cannot hold all. */
  readonly lowVram: boolean;
  /** The two branches of guidance are evaluated one after the other from the start. */
  readonly halfBatch: boolean;
  readonly imageProvider: ProviderSettings;
  readonly logLevel: string;
  /** The log shows prompts, and addresses with their queries. */
  readonly logPrompts: boolean;
  /** `/metrics`: not there, for whoever has an admin key, or for everybody. */
  readonly metrics: 'off' | 'closed' | 'open';
  /** With less room than this on the disk the service is not ready. */
  readonly minFreeBytes: number;
  readonly maxUploadBytes: number;
  readonly maxPicturePixels: number;
  readonly pictureConcurrency: number;
  readonly shutdownGraceMs: number;
  readonly clipTimeoutMs: number;
  /** How long a stream of events lasts before its client comes back for more. */
  readonly eventsMs: number;
  /** How long a request that waits for its result is held; a pod's proxy cuts it off at 100 s. */
  readonly syncMs: number;
  /** Path of the picture that the animate API moves where it is given none. */
  readonly defaultPicture: string;
  /** How long the img2video API keeps a result. */
  readonly img2videoKeepMs: number;
  /** The most scenes of one story. */
  readonly maxScenes: number;
  readonly webhooks: WebhookSettings;
  readonly access: AccessSettings;
  readonly admission: AdmissionSettings;
  readonly retention: RetentionSettings;
}

/** Reads the configuration. Throws an error that names each wrong variable and what it allows. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  // An empty variable counts as unset: `PORT= npm start` and compose files with blanks mean the default.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      const secret = SECRETS.includes(name);
      const value = secret ? '' : `=${given[name] ?? ''}`;
      return `${name}${value}: ${issue.message}`;
    });
    throw new Error(`The configuration is not valid:\n  ${lines.join('\n  ')}`);
  }
  const e = parsed.data;
  const podUrl = e.RUNPOD_POD_ID && `https://${e.RUNPOD_POD_ID}-${e.PORT}.proxy.runpod.net`;
  return {
    port: e.PORT,
    host: e.HOST,
    baseUrl: (e.BASE_URL ?? podUrl)?.replace(/\/+$/, ''),
    dataDir: resolve(e.DATA_DIR),
    modelsDir: resolve(e.MODELS_DIR),
    model: e.MODEL,
    devices: e.DEVICE.split(','),
    lowVram: e.LOW_VRAM,
    halfBatch: e.HALF_BATCH,
    imageProvider: providerSettings(e),
    logLevel: e.LOG_LEVEL,
    logPrompts: e.LOG_PROMPTS,
    metrics: e.METRICS ? (e.METRICS_OPEN ? 'open' : 'closed') : 'off',
    minFreeBytes: e.MIN_FREE_DISK_MB * 1024 * 1024,
    maxUploadBytes: e.MAX_UPLOAD_MB * 1024 * 1024,
    maxPicturePixels: e.MAX_PICTURE_MEGAPIXELS * 1_000_000,
    pictureConcurrency: e.PICTURE_CONCURRENCY,
    shutdownGraceMs: e.SHUTDOWN_GRACE_SECONDS * 1000,
    clipTimeoutMs: e.CLIP_TIMEOUT_SECONDS * 1000,
    eventsMs: e.EVENTS_SECONDS * 1000,
    syncMs: e.SYNC_SECONDS * 1000,
    defaultPicture: resolve(e.DEFAULT_PICTURE),
    img2videoKeepMs: e.IMG2VIDEO_KEEP_HOURS * 3_600_000,
    maxScenes: e.MAX_SCENES,
    webhooks: webhookSettings(e),
    access: accessSettings(e),
    admission: admissionSettings(e),
    retention: {
      keepMs: e.KEEP_DAYS && e.KEEP_DAYS * 86_400_000,
      keepUploadsMs: e.KEEP_UPLOADS_HOURS * 3_600_000,
      maxMediaBytes: e.MAX_MEDIA_GB && e.MAX_MEDIA_GB * 1024 ** 3,
    },
  };
}
