import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '../../scripts/torture/client.js';

let server: Server;
let client: Client;
/** What the stand-in service does with each request, in order; the last is repeated. */
let answers: (number | 'away')[];
let asked: number;

beforeEach(async () => {
  asked = 0;
  server = createServer((request, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    if (answer === 'away') return request.socket.destroy();
    response.writeHead(answer, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ id: 'a', status: 'queued' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new Client(() => Promise.resolve(url), new Uint8Array(), 0);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const clip = { fields: { seed: '1' }, fromPicture: false };

test('a service that is there and refuses ends the run, and says how it answered', async () => {
  answers = [503];
  await expect(client.submit(clip, '/tasks', true)).rejects.toThrow('/tasks has answered 503');
  await expect(client.get('/tasks/a')).rejects.toThrow('/tasks/a has answered 503');
});

test('a service that is away is asked again', async () => {
  answers = ['away', 'away', 201];
  expect(await client.submit(clip, '/tasks', true)).toBe('a');
  expect(asked).toBe(3);
});

test('an address that is not to be had ends the run', async () => {
  const lost = new Client(() => Promise.reject(new Error('The service ended with 1')), new Uint8Array());
  await expect(lost.submit(clip, '/tasks', true)).rejects.toThrow('The service ended with 1');
});
