import { z } from 'zod';

/** What is let in, and how much of it. 0 stands for no limit, except where it says otherwise. */
export interface AdmissionSettings {
  readonly maxQueue: number;
  readonly maxUnfinishedPerKey: number;
  /** In the unit of `clipCost`; undefined for a limit that the model's own limits give. */
  readonly maxClipCost: number | undefined;
  /** Requests a minute of one key or address: those that can make tasks, and all others. */
  readonly submissionsPerMinute: number;
  readonly readsPerMinute: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Open event streams of one key or address. */
  readonly maxEventStreams: number;
  readonly bodyIdleMs: number;
  readonly bodyTotalMs: number;
  /** Proxies in front that say in X-Forwarded-For whom they speak for; 0 for none, and the header is not believed. */
  readonly trustedProxies: number;
}

const limit = (fallback: number, min = 0) => z.coerce.number().int().min(min).max(1e9).default(fallback);

/** The environment variables of admission. */
export const admissionEnvironment = {
  MAX_QUEUE: limit(2000),
  MAX_UNFINISHED_PER_KEY: limit(500),
  MAX_CLIP_COST: z.coerce.number().positive().optional(),
  RATE_LIMIT_PER_MINUTE: limit(6000),
  READ_LIMIT_PER_MINUTE: limit(0),
  MAX_CONNECTIONS: limit(5000),
  MAX_CONNECTIONS_PER_ADDRESS: limit(1000),
  MAX_EVENT_STREAMS: limit(200),
  BODY_IDLE_SECONDS: z.coerce.number().min(0.1).max(600).default(10),
  BODY_SECONDS: z.coerce.number().min(1).max(3600).default(120),
  TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
};

export const admissionSettings = (
  e: z.infer<z.ZodObject<typeof admissionEnvironment>>,
): AdmissionSettings => ({
  maxQueue: e.MAX_QUEUE,
  maxUnfinishedPerKey: e.MAX_UNFINISHED_PER_KEY,
  maxClipCost: e.MAX_CLIP_COST,
  submissionsPerMinute: e.RATE_LIMIT_PER_MINUTE,
  readsPerMinute: e.READ_LIMIT_PER_MINUTE,
  maxConnections: e.MAX_CONNECTIONS,
  maxConnectionsPerAddress: e.MAX_CONNECTIONS_PER_ADDRESS,
  maxEventStreams: e.MAX_EVENT_STREAMS,
  bodyIdleMs: e.BODY_IDLE_SECONDS * 1000,
  bodyTotalMs: e.BODY_SECONDS * 1000,
  trustedProxies: e.TRUST_PROXY,
});
