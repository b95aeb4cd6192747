import type { Middleware } from 'koa';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ServiceError } from '../errors.js';
import type { ClientOf } from './client.js';

export interface RateLimits {
  /** Requests a minute that can make tasks, by one client; 0 for no limit. */
  readonly submissionsPerMinute: number;
  /** All other requests. */
  readonly readsPerMinute: number;
}

const SUBMISSIONS = ['POST', 'PUT', 'PATCH'];

const limiter = (points: number): RateLimiterMemory | undefined =>
  points === 0 ? undefined : new RateLimiterMemory({ points, duration: 60 });

/** Answers 429 to a client that asks more often than it may, and says when it may again. */
export function limitRate(
  { submissionsPerMinute, readsPerMinute }: RateLimits,
  clientOf: ClientOf,
): Middleware {
  const submissions = limiter(submissionsPerMinute);
  const reads = limiter(readsPerMinute);
  return async (ctx, next) => {
    const chosen = SUBMISSIONS.includes(ctx.method) ? submissions : reads;
    const client = chosen && clientOf(ctx);
    if (client !== undefined) await consume(chosen, client);
    await next();
  };
}

async function consume(chosen: RateLimiterMemory | undefined, client: string): Promise<void> {
  try {
    await chosen?.consume(client);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    throw new ServiceError(429, 'rate_limited', 'Too many requests', {
      allowed: `${chosen?.points} requests a minute`,
      retryAfterSeconds: Math.ceil(refusal.msBeforeNext / 1000),
    });
  }
}
