import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { createGuardedClient } from '../../../server/images/guarded-client.js';
import { UrlRefusedError } from '../../../server/images/url-refused.js';
import { createFakeInternet, type FakeInternet } from './fake-internet.js';
import {
  BLOCKED_ADDRESSES,
  BLOCKED_RANGES,
  HOSTS,
  INVALID_URLS,
  INWARD_NAMES,
  PUBLIC_ADDRESSES,
  REFUSED_SCHEMES,
  REFUSED_URLS,
} from './guard-table.js';

const PUBLIC = '93.184.216.34';

let internet: FakeInternet;
let servers: Server[];
beforeEach(() => {
  internet = createFakeInternet();
  internet.name('example.com', [PUBLIC]);
  servers = [];
});
afterEach(async () => {
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

const serve = async (listener: RequestListener, address: string): Promise<void> => {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  internet.place(address, server);
};

const download = (url: string): Promise<unknown> =>
  createGuardedClient({ resolve: internet.resolve, connect: internet.connect })
    .download(url)
    .catch((error: unknown) => error);

/** A refusal before any connection was tried, that tells nothing of what was found. */
const expectRefused = async (url: string, ...hidden: readonly string[]): Promise<void> => {
  internet.dialled.length = 0;
  const error = (await download(url)) as UrlRefusedError;
  expect([url, error instanceof UrlRefusedError, internet.dialled]).toEqual([url, true, []]);
  expect([error.status, error.code, error.field]).toEqual([400, 'url_refused', 'image_url']);
  for (const word of hidden) expect(error.message).not.toContain(word);
};

const literal = (address: string): string => (isIPv6(address) ? `[${address}]` : address);

const ADDRESSES: readonly (readonly [string, string])[] = [
  ...BLOCKED_RANGES.flatMap(([range, what, first, last]) => [
    [first, `the first of ${range} (${what})`] as const,
    [last, `the last of ${range} (${what})`] as const,
  ]),
  ...BLOCKED_ADDRESSES.map((address) => [address, 'one of the list'] as const),
];

describe.each(ADDRESSES)('%s, %s,', (address) => {
  test('is never connected to: as itself, behind a name, among public addresses, behind a redirect', async () => {
    await expectRefused(`http://${literal(address)}/`);
    await expectRefused(`https://${literal(address)}:8443/x?y#z`);
    expect(internet.lookedUp).toEqual([]);
    internet.name('inside.example', [address]);
    await expectRefused('http://inside.example/', address);
    await expectRefused('http://inside.example./', address);
    internet.name('mixed.example', [PUBLIC, address]);
    await expectRefused('http://mixed.example/', address);
    internet.name('mixed.example', [address, PUBLIC, '1.1.1.1']);
    await expectRefused('http://mixed.example/', address);
    await serve((_, res) => res.writeHead(302, { location: `http://${literal(address)}/` }).end(), PUBLIC);
    internet.dialled.length = 0;
    expect(await download('http://example.com/')).toBeInstanceOf(UrlRefusedError);
    expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
  });
});

test.each(PUBLIC_ADDRESSES)('%s is public, as itself and behind a name', async (address) => {
  internet.block(address, 'refuse');
  internet.name('outside.example', [address]);
  for (const url of [`http://${literal(address)}/`, 'http://outside.example/']) {
    internet.dialled.length = 0;
    expect(await download(url)).toMatchObject({ code: 'image_unreachable' });
    expect(internet.dialled).toEqual([`${address}:80`]);
  }
});

const WRITTEN = HOSTS.flatMap(([becomes, written]) => written.map((host) => [host, becomes] as const));

test.each(WRITTEN)('the host %j is %s, and refused', async (host, becomes) => {
  expect(new URL(`http://${host}/`).host).toBe(becomes);
  await expectRefused(`http://${host}/`);
  await expectRefused(`http://${host}:8080/a`);
  expect(internet.lookedUp).toEqual([]);
});

test.each(REFUSED_URLS)('%j is refused, its host being %s', async (url, host) => {
  expect(new URL(url).hostname).toBe(host);
  await expectRefused(url);
  expect(internet.lookedUp).toEqual([]);
});

test.each(REFUSED_SCHEMES)('%s is no scheme of ours', async (url) => {
  await expectRefused(url);
  await serve((_, res) => res.writeHead(302, { location: url }).end(), PUBLIC);
  expect(await download('http://example.com/')).toBeInstanceOf(UrlRefusedError);
  expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
});

test.each(INVALID_URLS)('%j is no URL', async (url) => {
  expect(await download(url)).toMatchObject({ status: 400, code: 'url_invalid', field: 'image_url' });
  expect([internet.dialled, internet.lookedUp]).toEqual([[], []]);
});

test('what stands behind a backslash is a path, not a host', async () => {
  const url = 'http://example.com\\@127.0.0.1/';
  expect(new URL(url).host).toBe('example.com');
  const seen: unknown[] = [];
  await serve((req, res) => {
    seen.push([req.headers.host, req.url]);
    res.end();
  }, PUBLIC);
  await download(url);
  expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
  expect(seen).toEqual([['example.com', '/@127.0.0.1/']]);
});

describe.each(INWARD_NAMES)('the public name %s, which leads to %s,', (name, address) => {
  test('is refused, also where a shortener leads to it', async () => {
    internet.name(name, [address]);
    await expectRefused(`http://${name}/`, address);
    for (const status of [301, 302, 303, 307, 308]) {
      await serve((_, res) => res.writeHead(status, { location: `http://${name}/` }).end(), PUBLIC);
      internet.dialled.length = 0;
      expect([status, await download('http://example.com/')]).toEqual([status, expect.any(UrlRefusedError)]);
      expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
    }
  });
});

describe('a name whose answers change', () => {
  test('is looked up once, and the checked address is the one connected to', async () => {
    await serve((_, res) => res.end('public'), PUBLIC);
    internet.name('rebinding.example', [PUBLIC], ['127.0.0.1']);
    expect(String(await download('http://rebinding.example/'))).toBe('public');
    expect(internet.lookedUp).toEqual(['rebinding.example']);
    expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
  });

  test('is checked again at the next hop', async () => {
    await serve((_, res) => res.writeHead(302, { location: '/again' }).end(), PUBLIC);
    internet.name('rebinding.example', [PUBLIC], ['127.0.0.1']);
    expect(await download('http://rebinding.example/')).toBeInstanceOf(UrlRefusedError);
    expect(internet.dialled).toEqual([`${PUBLIC}:80`]);
  });
});

test('a redirect in a circle ends', async () => {
  await serve((_, res) => res.writeHead(302, { location: 'http://example.com/' }).end(), PUBLIC);
  expect(await download('http://example.com/')).toMatchObject({ code: 'image_unreachable' });
  expect(internet.dialled).toHaveLength(6);
});

test('a name with no address that answers is unreachable, and no other is tried', async () => {
  internet.name('down.example', [PUBLIC, '1.1.1.1']);
  expect(await download('http://down.example/')).toMatchObject({ code: 'image_unreachable' });
  expect(internet.dialled).toEqual([`${PUBLIC}:80`, '1.1.1.1:80']);
});
