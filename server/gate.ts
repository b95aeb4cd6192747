import type { Middleware } from 'koa';
import { allowOrigins } from './access/cors.js';
import { ownHostOnly } from './access/own-host.js';
import { requireKey } from './access/require-key.js';
import { sameOriginOnly } from './access/same-origin.js';
import { addressOf, keyHolder } from './admission/client.js';
import { limitRate } from './admission/rate-limit.js';
import { limitBodies } from './admission/slow-bodies.js';
import type { Config } from './config.js';

/** What every request passes before any route sees it, in order. Each either goes on or throws. */
export function createGate({ access, admission, baseUrl }: Config): readonly Middleware[] {
  return [
    ...(access.keys.length === 0 ? [ownHostOnly(baseUrl, access.allowedHosts)] : []),
    allowOrigins(access.corsOrigins),
    limitRate(admission, addressOf(admission.trustedProxies)),
    requireKey(access),
    limitRate(admission, keyHolder),
    sameOriginOnly(baseUrl, access.corsOrigins),
    limitBodies({ idleMs: admission.bodyIdleMs, totalMs: admission.bodyTotalMs }),
  ];
}
