import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';
import { limitConnections } from './admission/connections.js';
import type { Config } from './config.js';
import { listener } from './listener.js';

/** A server that takes requests for the app, and its port. */
export interface HttpServer {
  readonly server: Server;
  readonly port: number;
}

/** Starts to take requests; resolves when it does. */
export async function serveHttp(app: Koa, { admission: limits, host, port }: Config): Promise<HttpServer> {
  const requestTimeout = limits.bodyTotalMs + 30_000; // a last resort: the app itself has given up by then
  const server = listener(createServer({ headersTimeout: 10_000, requestTimeout }), app);
  limitConnections(server, {
    total: limits.maxConnections,
    // Behind a proxy all connections come from its address.
    perAddress: limits.trustedProxies > 0 ? 0 : limits.maxConnectionsPerAddress,
  });
  server.listen(port, host);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}
