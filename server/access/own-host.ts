import { isIP } from 'node:net';
import type { Middleware } from 'koa';
import { ServiceError } from '../errors.js';
import { isLocalName } from '../images/address-policy.js';

/**
 * Lets a request through that calls the service by a name of its own. A stranger's page can have its own name resolve to
 * this machine, and its visitor's browser then takes our answers for that page's (DNS rebinding); it cannot do so with
 * an address, with a name of the local network, or with a name that is not its own. Where keys are needed such a page
 * has none, and any name does.
 */
export function ownHostOnly(baseUrl: string | undefined, allowed: readonly string[]): Middleware {
  const own = [...allowed, ...(baseUrl === undefined ? [] : [new URL(baseUrl).hostname])];
  return (ctx, next) => {
    const name = hostName(ctx.get('Host'));
    if (name === undefined || (!isSafe(name) && !own.includes('*') && !own.includes(name))) {
      throw new ServiceError(403, 'unknown_host', 'The service does not know itself by this host name', {
        field: 'Host',
        allowed: 'an address, localhost, the host of BASE_URL, or a name in ALLOWED_HOSTS',
      });
    }
    return next();
  };
}

/** Without port, brackets and final dot; undefined where it is none. HTTP/1.0 may leave it out, browsers never do. */
function hostName(host: string): string | undefined {
  if (host === '') return 'localhost';
  if (!URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** A name without a dot is found by local means alone, such as a container's. */
const isSafe = (name: string): boolean => isIP(name) !== 0 || !name.includes('.') || isLocalName(name);
