import type { Middleware } from 'koa';
import { ServiceError } from '../errors.js';
import type { ClientOf } from './client.js';
import { OpenCount } from './open-count.js';

/** Bounds the open event streams of one client; 0 for no limit. It stands before the routes that answer with a stream. */
export function limitStreams(most: number, clientOf: ClientOf): Middleware {
  if (most === 0) return (_, next) => next();
  const open = new OpenCount(most);
  return (ctx, next) => {
    const leave = open.enter(clientOf(ctx) ?? '');
    if (!leave) {
      throw new ServiceError(429, 'too_many_streams', 'Too many event streams are open', {
        allowed: `${most} at a time`,
        retryAfterSeconds: 5,
      });
    }
    ctx.res.once('close', leave);
    return next();
  };
}
