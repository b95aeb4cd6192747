import { randomUUID } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { callerOf } from '../access/caller.js';
import type { Metrics } from './metrics.js';
import { withNotes } from './request-notes.js';

/** An id that a client or a proxy gave the request: anything else could forge lines of the log, or fill it. */
const SANE_ID = /^[\w.:+/=-]{1,128}$/;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];
const LONGEST_PATH = 200;

/**
 * Gives each request an id (`X-Request-Id`: the client's, or a new one), and when its answer has gone out writes one line
 * and measures it. The path is written without its query, and nothing of headers and bodies.
 */
export const observeRequests =
  (log: Logger, metrics: Metrics): Middleware =>
  (ctx, next) => {
    const given = ctx.get('X-Request-Id');
    const request = SANE_ID.test(given) ? given : randomUUID();
    const start = performance.now();
    const { socket } = ctx.req;
    const sentBefore = socket.bytesWritten;
    const notes: { task?: string } = {};
    ctx.state.requestId = request;
    ctx.set('X-Request-Id', request);
    ctx.res.once('close', () => {
      const ms = performance.now() - start;
      const { method, status } = ctx;
      metrics.request(
        { method: METHODS.includes(method) ? method : 'other', route: routeOf(ctx), status },
        ms,
      );
      const line = {
        request,
        method,
        path: ctx.path.slice(0, LONGEST_PATH),
        status,
        ms: Math.round(ms * 10) / 10,
        bytes: socket.bytesWritten - sentBefore,
        ...(callerOf(ctx).owner === '' ? {} : { caller: callerOf(ctx).owner }),
        ...notes,
        ...(ctx.res.writableFinished ? {} : { unfinished: true }),
      };
      log[levelOf(ctx)](line, 'request');
    });
    return withNotes(notes, next);
  };

/** Polling and looking are not worth a line each. A fault has one of its own besides, with its reason. */
const levelOf = ({ method, status }: Context): 'debug' | 'info' | 'warn' => {
  if (status >= 500) return 'warn';
  return status < 400 && (method === 'GET' || method === 'HEAD') ? 'debug' : 'info';
};

/** The pattern that the path matched, of which there are only so many; the paths themselves are without end. */
const routeOf = (ctx: Context): string => {
  const matched: unknown = ctx._matchedRoute;
  return typeof matched === 'string' ? matched : 'none';
};
