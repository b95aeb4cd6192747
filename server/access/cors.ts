import cors from '@koa/cors';
import type { Middleware } from 'koa';

/** Lets pages of these origins, and no others, call the service from a browser and read its answers. */
export function allowOrigins(origins: readonly string[]): Middleware {
  if (origins.length === 0) return (_, next) => next();
  return cors({
    origin: (ctx) => (origins.includes(ctx.get('Origin')) ? ctx.get('Origin') : ''),
    allowMethods: 'GET,HEAD,POST,PUT,DELETE',
    allowHeaders: [
      'Authorization',
      'X-API-Key',
      'Content-Type',
      'Idempotency-Key',
      'Prefer',
      'If-None-Match',
      'Last-Event-ID',
      'Range',
    ],
    exposeHeaders: [
      'ETag',
      'Link',
      'Location',
      'X-Total-Count',
      'Last-Event-ID',
      'Idempotent-Replayed',
      'Retry-After',
      'WWW-Authenticate',
      'Accept-Ranges',
      'Content-Range',
      'Content-Disposition',
    ],
    maxAge: 600,
    keepHeadersOnError: false,
  });
}
