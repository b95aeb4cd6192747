import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { limitConnections } from '../../../server/admission/connections.js';

let server: Server;
let open: Socket[];
beforeEach(() => {
  open = [];
  server = createServer((_, response) => response.end('served'));
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  server.close();
  await once(server, 'close');
});

const start = async (limits: Parameters<typeof limitConnections>[1]): Promise<void> => {
  limitConnections(server, limits);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
};

/** Whether a new connection is served; it stays open where it is. */
const isServed = async (localAddress = '127.0.0.1'): Promise<boolean> => {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', localAddress });
  open.push(socket);
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
};

test('one address has so many connections at a time, and another its own', async () => {
  await start({ total: 0, perAddress: 2 });
  expect([await isServed(), await isServed(), await isServed()]).toEqual([true, true, false]);
  expect(await isServed('127.0.0.2')).toBe(true);
  open[0].destroy();
  let again = await isServed();
  while (!again) again = await isServed(); // the server hears of the end a moment later
  expect(again).toBe(true);
});

test('all addresses together have so many', async () => {
  await start({ total: 2, perAddress: 0 });
  expect([await isServed(), await isServed('127.0.0.2'), await isServed('127.0.0.3')]).toEqual([
    true,
    true,
    false,
  ]);
});

test('0 is no limit', async () => {
  await start({ total: 0, perAddress: 0 });
  expect(await Promise.all(Array.from({ length: 50 }, () => isServed()))).not.toContain(false);
});
