import { afterEach, describe, expect, test } from '@jest/globals';
import { bearer, KEYS, startKeyedService } from '../access/keyed-service.js';
import { ask, type RawAnswer } from '../raw-request.js';
import { startService, type TestService } from '../support.js';

let service: TestService;
afterEach(() => service.close());

const submit = (headers: Record<string, string> = {}, path = '/tasks'): Promise<RawAnswer> =>
  ask(service.port, 'POST', path, { 'content-type': 'application/json', ...headers }, '{"prompt": "a fox"}');
const read = (headers: Record<string, string> = {}): Promise<RawAnswer> =>
  ask(service.port, 'GET', '/status', headers);

describe('submissions', () => {
  test('above the limit are a 429 that says when to come back; reading goes on', async () => {
    service = await startService({ env: { RATE_LIMIT_PER_MINUTE: '3' } });
    for (let i = 0; i < 3; i++) expect((await submit()).status).toBe(201);
    const refused = await submit();
    expect(refused).toMatchObject({
      status: 429,
      body: { error: 'Too many requests', code: 'rate_limited', allowed: '3 requests a minute' },
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await submit({}, '/img2vid')).status).toBe(429);
    expect((await read()).status).toBe(200);
    expect(await service.table.count()).toBe(3);
  });

  test('of one address do not count for another, where a proxy says whose they are', async () => {
    service = await startService({ env: { RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY: '1' } });
    const from = async (address: string): Promise<number> =>
      (await submit({ 'x-forwarded-for': address })).status;
    expect(await from('203.0.113.1')).toBe(201);
    expect(await from('203.0.113.2')).toBe(201);
    expect(await from('203.0.113.1')).toBe(429);
    // What stands before the proxy's own word is the sender's, and changes nothing.
    expect(await from('198.51.100.7, 203.0.113.1')).toBe(429);
    expect(await from('::ffff:203.0.113.1')).toBe(429);
    // A whole IPv6 network is one sender.
    expect(await from('2001:db8:1:2::1')).toBe(201);
    expect(await from('2001:db8:1:2:ffff::9')).toBe(429);
    expect(await from('2001:db8:1:3::1')).toBe(201);
    // Nonsense counts for the proxy itself.
    expect(await from('unknown')).toBe(201);
    expect(await from('<script>')).toBe(429);
  });

  test('cannot hide behind X-Forwarded-For where no proxy is trusted', async () => {
    service = await startService({ env: { RATE_LIMIT_PER_MINUTE: '1' } });
    expect((await submit({ 'x-forwarded-for': '203.0.113.1' })).status).toBe(201);
    expect((await submit({ 'x-forwarded-for': '203.0.113.2' })).status).toBe(429);
  });

  test('count for the key too, wherever its holder comes from', async () => {
    service = await startKeyedService({ env: { RATE_LIMIT_PER_MINUTE: '2', TRUST_PROXY: '1' } });
    const from = async (address: string, key: string): Promise<number> =>
      (await submit({ 'x-forwarded-for': address, 'x-api-key': key })).status;
    expect(await from('203.0.113.1', KEYS.alice)).toBe(201);
    expect(await from('203.0.113.2', KEYS.alice)).toBe(201);
    expect(await from('203.0.113.3', KEYS.alice)).toBe(429);
    expect(await from('203.0.113.3', KEYS.bob)).toBe(201);
    // Guesses at a key count for the address.
    for (let i = 0; i < 2; i++) expect(await from('203.0.113.9', 'not-one-of-the-keys')).toBe(401);
    expect(await from('203.0.113.9', 'not-one-of-the-keys')).toBe(429);
  });
});

test('reading has a limit of its own', async () => {
  service = await startService({ env: { READ_LIMIT_PER_MINUTE: '2' } });
  expect([(await read()).status, (await read()).status, (await read()).status]).toEqual([200, 200, 429]);
  expect((await submit()).status).toBe(201);
});

describe('event streams', () => {
  const open = async (headers: Record<string, string>): Promise<[number, () => void]> => {
    const stop = new AbortController();
    const answer = await fetch(`${service.url}/events`, { headers, signal: stop.signal });
    return [answer.status, () => stop.abort()];
  };

  test('are bounded for each client, and one that ends makes room', async () => {
    service = await startKeyedService({ env: { MAX_EVENT_STREAMS: '2' } });
    const [one, two] = [await open(bearer('alice')), await open(bearer('alice'))];
    expect([one[0], two[0]]).toEqual([200, 200]);
    expect((await open(bearer('alice')))[0]).toBe(429);
    const other = await open(bearer('bob'));
    expect(other[0]).toBe(200);
    one[1]();
    let again = await open(bearer('alice'));
    while (again[0] === 429) again = await open(bearer('alice')); // the server hears of the end a moment later
    expect(again[0]).toBe(200);
    for (const [, stop] of [two, other, again]) stop();
  });
});
