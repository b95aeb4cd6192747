import type { Context, Middleware } from 'koa';
import { ServiceError } from '../errors.js';

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Keeps a web page of somebody else's from changing anything through its visitor's browser. Browsers say where a request
 * comes from; programs such as curl say nothing and are let through. `friends`: origins that may do as our own.
 */
export const sameOriginOnly =
  (baseUrl: string | undefined, friends: readonly string[]): Middleware =>
  (ctx, next) => {
    if (!SAFE_METHODS.includes(ctx.method) && comesFromElsewhere(ctx, baseUrl, friends)) {
      throw new ServiceError(403, 'foreign_origin', 'A page of another origin may not change anything here');
    }
    return next();
  };

function comesFromElsewhere(ctx: Context, baseUrl: string | undefined, friends: readonly string[]): boolean {
  const origin = ctx.get('Origin');
  if (friends.includes(origin)) return false;
  const site = ctx.get('Sec-Fetch-Site');
  if (site !== '') return site !== 'same-origin' && site !== 'none';
  if (origin === '') return false;
  // `Origin: null` (a sandboxed frame, a file) is not a URL, and nobody's own.
  const host = URL.canParse(origin) ? new URL(origin).host : undefined;
  // No page can set these two headers for a request to another origin without asking it first.
  const own = [ctx.get('Host'), ctx.get('X-Forwarded-Host'), baseUrl && new URL(baseUrl).host];
  return host === undefined || !own.includes(host);
}
