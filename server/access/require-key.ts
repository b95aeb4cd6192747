import type { Context, Middleware } from 'koa';
import { ServiceError } from '../errors.js';
import { isUnder, pathOf } from '../request-path.js';
import type { Caller } from './caller.js';
import { findKey } from './keys.js';
import type { AccessSettings } from './settings.js';

/** What is reached without a key: health, and pages that hold nothing but themselves, the latter with all under them. */
const OPEN = ['/', '/health', '/ready', '/health-check', '/ping', '/openapi.json'];
const OPEN_FOLDERS = ['/dashboard', '/docs'];
/** What tells of everybody's tasks at once. */
const ADMIN_ONLY = ['/metrics'];

const HEADERS = 'Authorization: Bearer KEY, or X-API-Key: KEY';

/**
 * Lets a request through that carries a known key, and says whose it is (`callerOf`). It comes before routes and bodies:
 * whatever is not listed here needs a key. Where no keys are configured everybody is let through.
 */
export function requireKey({ keys, admins }: AccessSettings): Middleware {
  if (keys.length === 0) return (_, next) => next();
  return (ctx, next) => {
    const path = pathOf(ctx);
    if (OPEN.includes(path) || OPEN_FOLDERS.some((folder) => isUnder(path, folder))) return next();
    const presented = presentedKey(ctx);
    const key = presented === undefined ? undefined : findKey(keys, presented);
    if (!key) throw noKey(ctx, presented !== undefined);
    const caller: Caller = { owner: key.name, admin: admins.includes(key.name) };
    if (!caller.admin && ADMIN_ONLY.some((closed) => isUnder(path, closed))) {
      throw new ServiceError(403, 'admin_only', 'Only an admin key may see this');
    }
    ctx.state.caller = caller;
    return next();
  };
}

function presentedKey(ctx: Context): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(ctx.get('Authorization').trim()) ?? [];
  return bearer ?? (ctx.get('X-API-Key').trim() || undefined);
}

function noKey(ctx: Context, presented: boolean): ServiceError {
  ctx.set('WWW-Authenticate', `Bearer realm="img2vid"${presented ? ', error="invalid_token"' : ''}`);
  return new ServiceError(
    401,
    'unauthorized',
    presented ? 'The access key is not known' : 'This service needs an access key',
    { allowed: HEADERS },
  );
}
