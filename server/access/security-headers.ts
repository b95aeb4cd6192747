import type { Middleware } from 'koa';

/**
 * What no answer goes without: a browser takes it for what it says it is, runs and frames nothing of it, and lets no
 * other site embed it. A page of our own says for itself what it may load.
 */
export const securityHeaders: Middleware = (ctx, next) => {
  ctx.set({
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  });
  return next();
};
