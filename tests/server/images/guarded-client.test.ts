import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ServiceError } from '../../../server/errors.js';
import { createGuardedClient } from '../../../server/images/guarded-client.js';
import type { GuardedClientOptions } from '../../../server/images/guarded-client.js';
import { TransferError } from '../../../server/images/transfer-error.js';
import { UrlRefusedError } from '../../../server/images/url-refused.js';
import { createFakeInternet } from './fake-internet.js';
import type { FakeInternet } from './fake-internet.js';

const PUBLIC = '93.184.216.34';
const SECOND = '1.1.1.1';
const data = (name: string): Buffer => readFileSync(new URL(`../../data/images/${name}`, import.meta.url));

let internet: FakeInternet;
let servers: Server[];
let sockets: Set<Socket>;

beforeEach(() => {
  internet = createFakeInternet();
  servers = [];
  sockets = new Set();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

const start = async <S extends Server>(server: S): Promise<S> => {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return server;
};

/** A web server at a public address under `pictures.example`. */
const site = async (
  listener: RequestListener,
  address = PUBLIC,
  name = 'pictures.example',
): Promise<Server> => {
  const server = await start(createServer(listener));
  internet.place(address, server);
  internet.name(name, [address]);
  return server;
};

/** A server that speaks for itself, byte by byte. */
const rawSite = async (onRequest: (socket: Socket) => void): Promise<void> => {
  internet.place(
    PUBLIC,
    await start(createTcpServer((socket) => socket.once('data', () => onRequest(socket)))),
  );
  internet.name('pictures.example', [PUBLIC]);
};

const client = (options: GuardedClientOptions = {}) =>
  createGuardedClient({ resolve: internet.resolve, connect: internet.connect, ...options });

const failure = async (promise: Promise<unknown>): Promise<Error> => {
  const outcome = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome as Error;
};

const refusal = async (url: string, options?: GuardedClientOptions): Promise<UrlRefusedError> => {
  const error = await failure(client(options).download(url));
  expect(error).toBeInstanceOf(UrlRefusedError);
  return error as UrlRefusedError;
};

describe('a permitted URL', () => {
  test('gives its bytes, and is asked by its own name at the address that was checked', async () => {
    const hosts: (string | undefined)[] = [];
    await site((req, res) => {
      hosts.push(req.headers.host);
      res.end('bytes');
    });
    expect((await client().download('http://pictures.example:8080/a.png?x=1#f')).toString()).toBe('bytes');
    expect(hosts).toEqual(['pictures.example:8080']);
    expect(internet.dialled).toEqual([`${PUBLIC}:8080`]);
    expect(internet.lookedUp).toEqual(['pictures.example']);
  });

  test('with an IPv6 literal keeps its brackets in Host', async () => {
    const address = '2606:2800:220:1:248:1893:25c8:1946';
    const hosts: (string | undefined)[] = [];
    await site((req, res) => {
      hosts.push(req.headers.host);
      res.end();
    }, address);
    await client().download(`http://[${address}]/`);
    await client().download(`http://[${address}]:81/`);
    expect(hosts).toEqual([`[${address}]`, `[${address}]:81`]);
    expect(internet.lookedUp).toEqual([]);
  });

  test('is encrypted in the name of the host, and its certificate is checked against that name', async () => {
    const names: unknown[] = [];
    const certificate = data('tls-certificate.pem');
    const server = await start(
      createTlsServer({ cert: certificate, key: data('tls-key.pem') }, (req, res) => {
        names.push([(req.socket as unknown as { servername: string }).servername, req.headers.host]);
        res.end('secret');
      }),
    );
    internet.place(PUBLIC, server);
    for (const name of ['pictures.example', 'other.example']) internet.name(name, [PUBLIC]);
    const trusting = client({ ca: certificate });
    expect((await trusting.download('https://pictures.example/')).toString()).toBe('secret');
    expect(names).toEqual([['pictures.example', 'pictures.example']]);
    expect(internet.dialled).toEqual([`${PUBLIC}:443`]);
    const wrongName = await failure(trusting.download('https://other.example/'));
    expect(wrongName).toMatchObject({ code: 'image_unreachable' });
    const untrusted = await failure(client().download('https://pictures.example/'));
    expect(untrusted.message).toBe('Error retrieving image: its certificate or encryption is not accepted');
    expect(names).toHaveLength(1);
  });

  test('is tried at its next address when the first does not answer or refuses', async () => {
    await site((_, res) => res.end('second'), SECOND);
    internet.block('8.8.8.8', 'refuse');
    internet.block('8.8.4.4', 'silent');
    internet.name('pictures.example', ['8.8.8.8', '8.8.4.4', SECOND]);
    expect((await client({ connectMs: 30 }).download('http://pictures.example/')).toString()).toBe('second');
    expect(internet.dialled).toEqual(['8.8.8.8:80', '8.8.4.4:80', `${SECOND}:80`]);
  });

  test('never goes through a proxy of the environment', async () => {
    const proxied: unknown[] = [];
    const proxy = await start(
      createServer((req, res) => {
        proxied.push(req.url);
        res.end('proxied');
      }),
    );
    const address = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
    const before = names.map((name) => process.env[name]);
    names.forEach((name) => (process.env[name] = address));
    try {
      // A request meant for a proxy would name the whole URL.
      await site((req, res) => res.end(`direct ${req.url ?? ''} ${req.headers.host ?? ''}`));
      expect((await client().download('http://pictures.example/')).toString()).toBe(
        'direct / pictures.example',
      );
      expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
      expect(proxied).toEqual([]);
    } finally {
      names.forEach((name, i) => {
        if (before[i] === undefined) delete process.env[name];
        else process.env[name] = before[i];
      });
    }
  });

  test('carries method, headers and body, and any status is an answer', async () => {
    const seen: unknown[] = [];
    await site((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        seen.push([
          req.method,
          req.headers['webhook-id'],
          req.headers.host,
          req.headers['content-type'],
          Buffer.concat(chunks).toString(),
        ]);
        res.writeHead(410, { 'X-Word': 'gone' }).end('no more');
      });
    });
    const answer = await client().request('http://pictures.example/hook', {
      method: 'POST',
      headers: { 'webhook-id': 'm1', 'content-type': 'application/json', host: 'other.example' },
      body: '{"a": 1}',
    });
    expect(seen).toEqual([['POST', 'm1', 'pictures.example', 'application/json', '{"a": 1}']]);
    expect(answer).toMatchObject({ status: 410, url: 'http://pictures.example/hook' });
    expect(answer.headers['x-word']).toBe('gone');
    expect(answer.body.toString()).toBe('no more');
  });
});

test('a port off the list, where there is a list', async () => {
  await site((_, res) => res.end());
  await refusal('http://pictures.example:22/', { allowedPorts: [80, 443] });
  await expect(
    client({ allowedPorts: [80, 443] }).download('http://pictures.example/'),
  ).resolves.toBeDefined();
});

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('%i is followed', async (status) => {
    await site((req, res) => {
      if (req.url === '/end') res.end('end');
      else res.writeHead(status, { location: 'end' }).end('ignored');
    });
    expect((await client().download('http://pictures.example/')).toString()).toBe('end');
  });

  test.each([
    'http://127.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://2130706433/',
    'http://inside.example/',
    '//10.0.0.1/',
    'http://user:word@second.example/',
    'file:///etc/passwd',
    'data:image/png;base64,AAAA',
  ])('to %s is refused at the second hop', async (location) => {
    await site((_, res) => res.writeHead(302, { location }).end());
    internet.name('inside.example', ['192.168.1.1']);
    internet.name('second.example', [SECOND]);
    await refusal('http://pictures.example/');
    expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
  });

  test('end after five, whether they go in a circle or not', async () => {
    await site((req, res) => {
      const left = Number(req.url?.slice(1));
      if (left === 0) res.end('end');
      else res.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect((await client().download('http://pictures.example/5')).toString()).toBe('end');
    const error = await failure(client().download('http://pictures.example/6'));
    expect(error).toMatchObject({ code: 'image_unreachable' });
    expect(error.message).toBe('Error retrieving image: it redirects more than 5 times');
    expect(internet.dialled).toHaveLength(12);
  });

  test.each(['identity', 'gzip'])(
    'close the connection of a hop whose %s body nobody reads',
    async (encoding) => {
      let closed: Promise<unknown> = Promise.resolve();
      await rawSite((socket) => {
        closed = once(socket, 'close');
        const head = `Location: http://second.example/\r\nContent-Encoding: ${encoding}\r\nContent-Length: 99`;
        socket.write(`HTTP/1.1 302 Found\r\n${head}\r\n\r\nhalf`);
      });
      await site((_, res) => res.end('end'), SECOND, 'second.example');
      expect((await client().download('http://pictures.example/')).toString()).toBe('end');
      await closed;
    },
  );

  test('without a Location are answers, and for a picture no good ones', async () => {
    await site((_, res) => res.writeHead(302).end('body'));
    expect(await client().request('http://pictures.example/')).toMatchObject({ status: 302 });
    expect((await failure(client().download('http://pictures.example/'))).message).toContain(
      'HTTP status 302',
    );
  });

  test('are not followed where none are allowed', async () => {
    await site((_, res) => res.writeHead(307, { location: 'http://127.0.0.1/' }).end('moved'));
    const answer = await client().request('http://pictures.example/', { method: 'POST', maxRedirects: 0 });
    expect([answer.status, answer.body.toString()]).toEqual([307, 'moved']);
  });

  test('to another origin leave keys behind; 303 makes a GET, 307 keeps the body', async () => {
    const seen: unknown[] = [];
    const note: RequestListener = (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const { method, url, headers } = req;
        seen.push([method, url, headers.host, headers.authorization, Buffer.concat(chunks).toString()]);
        const next: Record<string, [number, string]> = {
          '/303': [303, '/end'],
          '/307': [307, 'http://second.example/end'],
        };
        const [status, location] = next[url ?? ''] ?? [200, ''];
        res.writeHead(status, location === '' ? {} : { location }).end();
      });
    };
    await site(note);
    await site(note, SECOND, 'second.example');
    const init = { method: 'POST', headers: { authorization: 'Bearer key' }, body: 'body' } as const;
    await client().request('http://pictures.example/303', init);
    await client().request('http://pictures.example/307', init);
    expect(seen).toEqual([
      ['POST', '/303', 'pictures.example', 'Bearer key', 'body'],
      ['GET', '/end', 'pictures.example', 'Bearer key', ''],
      ['POST', '/307', 'pictures.example', 'Bearer key', 'body'],
      ['POST', '/end', 'second.example', undefined, 'body'],
    ]);
  });
});

describe('sizes', () => {
  const tooLarge = { status: 400, code: 'image_too_large', field: 'image_url' };

  test('an announced length above the cap is refused before the body is read', async () => {
    // The body never comes: only an early refusal ends this.
    let closed: Promise<unknown> = Promise.resolve();
    await rawSite((socket) => {
      closed = once(socket, 'close');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 151\r\n\r\n');
    });
    expect(await failure(client({ maxBytes: 150 }).download('http://pictures.example/'))).toMatchObject(
      tooLarge,
    );
    await closed;
  });

  test('a body without a length is counted as it comes', async () => {
    await rawSite((socket) => {
      const hundred = `64\r\n${'x'.repeat(100)}\r\n`;
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${hundred}${hundred}`);
    });
    expect(await failure(client({ maxBytes: 150 }).download('http://pictures.example/'))).toMatchObject(
      tooLarge,
    );
  });

  test('an endless body is cut off, and the sender notices', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await site((_, res) => {
      closed = once(res, 'close');
      const pour = (): void => {
        while (!res.destroyed && res.write(Buffer.alloc(16384)));
      };
      res.on('drain', pour);
      pour();
    });
    expect(await failure(client({ maxBytes: 1e6 }).download('http://pictures.example/'))).toMatchObject(
      tooLarge,
    );
    await closed;
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('a %s bomb is counted unpacked', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(50 << 20));
    expect(bomb.length).toBeLessThan(100_000);
    await site((_, res) =>
      res.writeHead(200, { 'content-encoding': encoding, 'content-length': bomb.length }).end(bomb),
    );
    const before = process.resourceUsage().maxRSS;
    expect(await failure(client({ maxBytes: 1e6 }).download('http://pictures.example/'))).toMatchObject(
      tooLarge,
    );
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(32 * 1024);
  });

  test('an honest compressed body arrives unpacked, and the cap itself is allowed', async () => {
    const body = Buffer.from('x'.repeat(150));
    await site((_, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body)));
    expect((await client({ maxBytes: 150 }).download('http://pictures.example/')).equals(body)).toBe(true);
    expect(await failure(client({ maxBytes: 149 }).download('http://pictures.example/'))).toMatchObject(
      tooLarge,
    );
  });

  test('a body shorter than announced is no picture', async () => {
    await rawSite((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'));
    expect(await failure(client().download('http://pictures.example/'))).toMatchObject({
      code: 'image_unreachable',
    });
  });

  test('what follows the announced length is not taken', async () => {
    await rawSite((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort${'x'.repeat(5000)}`),
    );
    expect((await client({ maxBytes: 150 }).download('http://pictures.example/')).toString()).toBe('short');
  });
});

describe('times', () => {
  const unreachable = { status: 502, code: 'image_unreachable' };

  test.each([
    ['connects', { connectMs: 20 }, 'no connection within 0.02 s'],
    ['answers', { idleMs: 30 }, 'no answer for 0.03 s'],
  ])('a host that never %s is given up', async (what, limits, words) => {
    await rawSite(() => undefined);
    if (what === 'connects') internet.block(PUBLIC, 'silent');
    const error = await failure(client(limits).download('http://pictures.example/'));
    expect(error).toMatchObject(unreachable);
    expect(error.message).toBe(`Error retrieving image: ${words}`);
  });

  test('a body that stops is given up, and the connection closed', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await rawSite((socket) => {
      closed = once(socket, 'close');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    });
    const error = await failure(client({ idleMs: 30 }).download('http://pictures.example/'));
    expect(error.message).toBe('Error retrieving image: no answer for 0.03 s');
    await closed;
  });

  test('a body that drips is given up after the total time, however alive it looks', async () => {
    await rawSite((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
      const drip = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => {
        clearInterval(drip);
      });
    });
    const error = await failure(client({ idleMs: 5000, totalMs: 60 }).download('http://pictures.example/'));
    expect(error.message).toBe('Error retrieving image: not complete within 0.06 s');
  });

  test('a body that comes slowly but steadily is waited for', async () => {
    await rawSite((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
      const drip = setInterval(() => socket.write('x'), 100);
      socket.on('close', () => {
        clearInterval(drip);
      });
    });
    expect((await client({ idleMs: 400 }).download('http://pictures.example/')).toString()).toBe('xxxxxx');
  });

  test('a name service that never answers is given up', async () => {
    const resolve = (): Promise<never> => new Promise(() => undefined);
    const error = await failure(client({ resolve, idleMs: 20 }).download('http://pictures.example/'));
    expect(error).toMatchObject(unreachable);
  });

  test('an abort ends the transfer with its own reason, at every stage', async () => {
    const reason = new Error('changed my mind');
    const early = client().download('http://pictures.example/', { signal: AbortSignal.abort(reason) });
    expect(await failure(early)).toBe(reason);
    expect(internet.lookedUp).toEqual([]);
    const stop = new AbortController();
    await rawSite((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => {
        stop.abort(reason);
      });
    });
    expect(await failure(client().download('http://pictures.example/', { signal: stop.signal }))).toBe(
      reason,
    );
  });
});

describe('failures', () => {
  test('say why, in words that name no address', async () => {
    const message = async (url: string): Promise<string> => {
      const error = (await failure(client().download(url))) as ServiceError;
      expect([error.status, error.code, error.field]).toEqual([502, 'image_unreachable', 'image_url']);
      expect(error.message).not.toMatch(/\d+\.\d+\.\d+|127|93/);
      return error.message;
    };
    expect(await message('http://unknown.example/')).toBe(
      'Error retrieving image: the host name is not known',
    );
    internet.name('empty.example', []);
    expect(await message('http://empty.example/')).toBe('Error retrieving image: the host name is not known');
    internet.name('closed.example', ['8.8.8.8']);
    expect(await message('http://closed.example/')).toBe(
      'Error retrieving image: the host refused the connection',
    );
    await site((_, res) => res.writeHead(404).end('none'));
    expect(await message('http://pictures.example/')).toBe('Error retrieving image: HTTP status 404');
    await rawSite((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    expect(await message('http://pictures.example/')).toMatch(/the answer is malformed/);
    await rawSite((socket) => socket.destroy());
    expect(await message('http://pictures.example/')).toMatch(/the connection was cut/);
    await site((_, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'));
    expect(await message('http://pictures.example/')).toMatch(/the answer is malformed/);
  });

  test('of a request that is no picture stay what they are', async () => {
    const error = await failure(client().request('http://unknown.example/'));
    expect(error).toBeInstanceOf(TransferError);
    expect(error).not.toBeInstanceOf(ServiceError);
    expect(await failure(client().request('http://127.0.0.1/'))).toBeInstanceOf(UrlRefusedError);
  });
});

describe('an allowed origin', () => {
  const allowedOrigins = ['http://127.0.0.1:8188', 'http://painter.internal:8188/ignored/path'];

  test('may be private, at its own scheme, host and port alone', async () => {
    await site((_, res) => res.end('inside'), '127.0.0.1');
    internet.name('painter.internal', ['127.0.0.1']);
    const inside = client({ allowedOrigins });
    expect((await inside.download('http://127.0.0.1:8188/x.png')).toString()).toBe('inside');
    expect((await inside.download('http://painter.internal:8188/')).toString()).toBe('inside');
    internet.dialled.length = 0;
    for (const url of [
      'http://127.0.0.1/',
      'http://127.0.0.1:8189/',
      'https://127.0.0.1:8188/',
      'http://127.0.0.2:8188/',
    ]) {
      await refusal(url, { allowedOrigins });
    }
    await refusal('http://user@127.0.0.1:8188/', { allowedOrigins });
    expect(internet.dialled).toEqual([]);
  });

  test('does not open the rest of its network by a redirect', async () => {
    await site((_, res) => res.writeHead(302, { location: 'http://127.0.0.1:22/' }).end(), '127.0.0.1');
    await refusal('http://127.0.0.1:8188/', { allowedOrigins });
    expect(internet.dialled).toEqual(['127.0.0.1:8188']);
  });
});

test('the real connector connects, and the guard stands before it', async () => {
  const server = await start(createServer((_, res) => res.end('real')));
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  expect((await createGuardedClient({ allowedOrigins: [origin] }).download(origin)).toString()).toBe('real');
  expect(await failure(createGuardedClient().download(origin))).toBeInstanceOf(UrlRefusedError);
  expect(
    await failure(createGuardedClient().download(origin.replace('127.0.0.1', 'localhost'))),
  ).toBeInstanceOf(UrlRefusedError);
});
