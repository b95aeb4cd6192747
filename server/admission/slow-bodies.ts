import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import { ServiceError } from '../errors.js';

export interface BodyTimes {
  /** How long a body may stand still. */
  readonly idleMs: number;
  /** How long a body may take in all. */
  readonly totalMs: number;
}

/**
 * Answers 408 when a body stops coming, whoever reads it; and once a request has its answer, the rest of its body is taken
 * for half the idle time only.
 */
export const limitBodies =
  (times: BodyTimes): Middleware =>
  async (ctx, next) => {
    if (!hasBody(ctx.req)) {
      await next();
      return;
    }
    const watch = watchBody(ctx.req, times);
    try {
      // What loses the race fails when the connection ends, unheard.
      await Promise.race([next(), watch.stalled]);
    } finally {
      watch.stop();
      if (!ctx.req.complete) endSoon(ctx, times.idleMs / 2);
    }
  };

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

interface BodyWatch {
  /** Rejects with a 408 when the body stalls; never resolves. */
  readonly stalled: Promise<never>;
  stop(): void;
}

/** Bytes are counted where they arrive, so that nothing is read here which another was to read. */
function watchBody(request: IncomingMessage, { idleMs, totalMs }: BodyTimes): BodyWatch {
  const { socket } = request;
  const startedAt = performance.now();
  let received = socket.bytesRead;
  let receivedAt = startedAt;
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (request.complete) return clearInterval(timer);
      const now = performance.now();
      if (socket.bytesRead > received) {
        received = socket.bytesRead;
        receivedAt = now;
      }
      if (now - receivedAt >= idleMs) stall(request, reject, `nothing of it came for ${idleMs / 1000} s`);
      else if (now - startedAt >= totalMs) stall(request, reject, `it took more than ${totalMs / 1000} s`);
    }, idleMs / 8);
  });
  stalled.catch(() => undefined);
  return { stalled, stop: () => clearInterval(timer) };
}

function stall(request: IncomingMessage, reject: (error: Error) => void, why: string): void {
  const error = new ServiceError(408, 'body_timeout', `The body was given up: ${why}`);
  reject(error);
  // Whoever reads it must not take what still comes for a whole body: the client has been told otherwise.
  if (request.listenerCount('error') > 0) request.emit('error', error);
}

/** Not at once: a connection that is closed on unread bytes takes the answer with it. */
function endSoon({ req }: Context, ms: number): void {
  const timer = setTimeout(() => req.socket.destroy(), ms).unref();
  req.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}
