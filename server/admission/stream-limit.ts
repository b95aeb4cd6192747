import type { Middleware } from 'koa';
import { ServiceError } from '../errors.js';
import type { ClientOf } from './client.js';

/** Bounds the open event streams of one client; 0 for no limit. It stands before the routes that answer with a stream. */
export function limitStreams(most: number, clientOf: ClientOf): Middleware {
  if (most === 0) return (_, next) => next();
  const open = new Map<string, number>();
  return (ctx, next) => {
    const client = clientOf(ctx) ?? '';
    const others = open.get(client) ?? 0;
    if (others >= most) {
      throw new ServiceError(429, 'too_many_streams', 'Too many event streams are open', {
        allowed: `${most} at a time`,
        retryAfterSeconds: 5,
      });
    }
    open.set(client, others + 1);
    ctx.res.once('close', () => {
      const left = (open.get(client) ?? 1) - 1;
      if (left === 0) open.delete(client);
      else open.set(client, left);
    });
    return next();
  };
}
