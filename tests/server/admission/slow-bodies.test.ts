import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startService, type TestService } from '../support.js';

let service: TestService;
beforeAll(async () => {
  service = await startService({ env: { BODY_IDLE_SECONDS: '0.2', BODY_SECONDS: '1' } });
});
afterAll(() => service.close());

const BODIES: readonly (readonly [string, string])[] = [
  ['application/json', '{"prompt": "a fox", "seed": 12345678}'],
  ['application/x-www-form-urlencoded', 'prompt=a+fox&seed=12345678&steps=7777'],
  [
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na fox\r\n--x--\r\n',
  ],
];

const send = (path: string, type: string, length: string): Socket => {
  const socket = connect(service.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\n${length}\r\n\r\n`);
  return socket;
};

const answerOf = async (socket: Socket): Promise<string> => {
  let said = '';
  while (!/\r\n\r\n.*\}/s.test(said)) said += String((await once(socket, 'data'))[0]);
  return said;
};

test.each(BODIES)(
  'a body of %s that stops is a 408, and what comes later makes no task',
  async (type, body) => {
    const socket = send('/tasks', type, `Content-Length: ${body.length}`);
    socket.write(body.slice(0, 20));
    const said = await answerOf(socket);
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
    expect(JSON.parse(said.slice(said.indexOf('\r\n\r\n')))).toEqual({
      error: 'Request timeout',
      message: 'The body was given up: nothing of it came for 0.2 s',
      code: 'body_timeout',
    });
    socket.write(body.slice(20));
    await service.call('POST', '/tasks', { wrong: 1 }); // the server has seen the rest by then
    socket.destroy();
    expect(await service.table.count()).toBe(0);
  },
);

test('a chunked body that stops is a 408 as well', async () => {
  const socket = send('/img2vid', 'application/json', 'Transfer-Encoding: chunked');
  socket.write('5\r\n{"pro\r\n');
  expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
  socket.destroy();
});

test('a body that drips is given up after the whole time, however alive it looks', async () => {
  const socket = send('/tasks', 'application/json', 'Content-Length: 100000');
  const drip = setInterval(() => socket.write(' '), 20);
  const said = await answerOf(socket);
  clearInterval(drip);
  socket.destroy();
  expect(said).toMatch(/^HTTP\/1\.1 408 /);
  expect(said).toContain('it took more than 1 s');
});

test('a body that comes slowly but steadily is waited for', async () => {
  const [, body] = BODIES[0];
  const socket = send('/tasks', 'application/json', `Content-Length: ${body.length}`);
  let sent = 0;
  const drip = setInterval(() => socket.write(body.slice(sent, (sent += 4))), 40);
  const said = await answerOf(socket);
  clearInterval(drip);
  socket.destroy();
  expect(said).toMatch(/^HTTP\/1\.1 201 /);
});

test('the rest of a body that was refused is taken for a while only', async () => {
  const socket = send('/tasks', 'text/plain', 'Content-Length: 100000');
  const closed = once(socket, 'close');
  expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 415 /);
  const drip = setInterval(() => socket.write(' '), 100);
  await closed;
  clearInterval(drip);
});
