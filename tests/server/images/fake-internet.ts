import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Connector } from '../../../server/images/pinned-connection.js';
import type { Resolver } from '../../../server/images/url-guard.js';

/** Names and addresses of an internet that consists of servers on this machine. Nothing else can be reached by it. */
export interface FakeInternet {
  readonly resolve: Resolver;
  readonly connect: Connector;
  /** `address:port` of every connection tried, in order. */
  readonly dialled: string[];
  /** Every name looked up, in order. */
  readonly lookedUp: string[];
  /** Gives a name its addresses; several lists are answered one after the other, the last one for ever. */
  name(host: string, ...answers: readonly (readonly string[])[]): void;
  /** Puts a listening server at an address, on every port. */
  place(address: string, server: Server): void;
  /** An address where a connection is refused, or never comes to be. */
  block(address: string, how: 'refuse' | 'silent'): void;
}

const familyOf = (address: string): number => (address.includes(':') ? 6 : 4);

const dial = async (server: Server, signal: AbortSignal): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  socket.on('error', () => undefined);
  await once(socket, 'connect', { signal });
  return socket;
};

export const createFakeInternet = (): FakeInternet => {
  const names = new Map<string, string[][]>();
  const places = new Map<string, Server | 'refuse' | 'silent'>();
  const dialled: string[] = [];
  const lookedUp: string[] = [];
  return {
    dialled,
    lookedUp,
    name: (host, ...answers) =>
      names.set(
        host,
        answers.map((list) => [...list]),
      ),
    place: (address, server) => places.set(address, server),
    block: (address, how) => places.set(address, how),
    resolve: (host) => {
      lookedUp.push(host);
      const answers = names.get(host);
      if (!answers)
        return Promise.reject(
          Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }),
        );
      const [now] = answers.length > 1 ? [answers.shift() ?? []] : answers;
      return Promise.resolve(now.map((address) => ({ address, family: familyOf(address) })));
    },
    connect: ({ address, port }, signal) => {
      dialled.push(`${address}:${port}`);
      const place = places.get(address);
      if (place === 'silent') {
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        });
      }
      if (place === undefined || place === 'refuse') {
        return Promise.reject(
          Object.assign(new Error(`connect ECONNREFUSED ${address}:${port}`), { code: 'ECONNREFUSED' }),
        );
      }
      return dial(place, signal);
    },
  };
};
