import ipaddr from 'ipaddr.js';
import type { Context } from 'koa';
import { callerOf } from '../access/caller.js';

/** Names the sender of a request, for limits that are each sender's own; undefined for one without that kind of name. */
export type ClientOf = (ctx: Context) => string | undefined;

/** The holder of the request's access key. */
export const keyHolder: ClientOf = (ctx) => {
  const { owner } = callerOf(ctx);
  return owner === '' ? undefined : `key ${owner}`;
};

/**
 * The address of the sender. Each of `trustedProxies` proxies has added to X-Forwarded-For whom it speaks for; what the
 * header says before that, and all of it where there is no such proxy, is the sender's own word and worth nothing.
 */
export const addressOf =
  (trustedProxies: number): ClientOf =>
  (ctx) => {
    const socket = ctx.req.socket.remoteAddress ?? '';
    const said = trustedProxies === 0 ? [] : ctx.get('X-Forwarded-For').split(',');
    const address = (said.at(-trustedProxies) ?? said[0])?.trim();
    return network(address !== undefined && ipaddr.isValid(address) ? address : socket);
  };

/** Who has an IPv6 address has 2⁶⁴ of them: they count as one. */
function network(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? `${parsed.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')}::/64`
    : parsed.toString();
}
