import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { ask, askRaw } from '../raw-request.js';
import { startService, type TestService } from '../support.js';
import { bearer, KEYS, startKeyedService } from './keyed-service.js';

const ID = 'f'.repeat(32);
const ENDPOINTS: readonly (readonly [string, string])[] = [
  ['POST', '/img2vid'],
  ['GET', '/status'],
  ['GET', `/status?id=${ID}`],
  ['POST', '/tasks'],
  ['GET', '/tasks'],
  ['GET', `/tasks/${ID}`],
  ['DELETE', `/tasks/${ID}`],
  ['GET', `/tasks/${ID}/events`],
  ['POST', `/tasks/${ID}/cancel`],
  ['POST', `/tasks/${ID}/rerun`],
  ['GET', '/events'],
  ['GET', `/download/video/${ID}`],
  ['HEAD', `/download/thumbnail/${ID}`],
  ['GET', `/download/grid/${ID}`],
  ['POST', '/predictions'],
  ['PUT', '/predictions/one'],
  ['GET', '/predictions'],
  ['GET', '/predictions/one'],
  ['POST', '/predictions/one/cancel'],
  ['POST', '/models/a/b/predictions'],
  ['POST', '/files'],
  ['POST', '/gpu/animate'],
  ['POST', '/api/img2video'],
  ['GET', `/api/img2video/result/${ID}${ID}`],
  ['GET', '/processed_videos/video_aaaaaaaa_1.mp4'],
  ['POST', '/generate'],
  ['POST', '/generate-video'],
  ['POST', '/generate-video/info'],
  ['GET', `/download/picture/${ID}`],
  ['GET', '/metrics'],
  ['GET', '/nowhere'],
  ['OPTIONS', '/tasks'],
];

/** The refusal in the words of the API that the path belongs to. */
function refusalAt(path: string): unknown {
  const words: unknown = expect.stringContaining('access key');
  if (/^\/(predictions|models|files|generate|gpu)/.test(path)) return { detail: words };
  if (/^\/(api|processed_videos)/.test(path)) return { error: words };
  const plain = { error: 'Unauthorized', message: words, allowed: expect.stringContaining('X-API-Key') };
  return path.startsWith('/tasks') ? { ...plain, code: 'unauthorized' } : plain;
}

let service: TestService;
let lines: string;
beforeAll(async () => {
  lines = '';
  const into = new Writable({
    write: (chunk, _, done) => {
      lines += String(chunk);
      done();
    },
  });
  service = await startKeyedService({ log: pino({ level: 'trace' }, into) });
});
afterAll(() => service.close());

describe.each(ENDPOINTS)('%s %s', (method, path) => {
  test.each([
    ['no key', {}, 'Bearer realm="img2vid"'],
    ['an unknown key', { authorization: 'Bearer not-one-of-the-keys' }, 'error="invalid_token"'],
    ['an unknown X-API-Key', { 'x-api-key': 'not-one-of-the-keys' }, 'error="invalid_token"'],
    ['a key in another scheme', { authorization: `Basic ${KEYS.root}` }, 'Bearer realm="img2vid"'],
    ['a key in the query alone', {}, 'Bearer realm="img2vid"'],
  ])('with %s is a 401', async (what, headers, challenge) => {
    const query = what.includes('query') ? `${path.includes('?') ? '&' : '?'}key=${KEYS.root}` : '';
    const answer = await ask(service.port, method, `${path}${query}`, headers);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain(challenge);
    if (method === 'HEAD') return;
    expect(answer.body).toEqual(refusalAt(path));
  });

  test('with a key is another answer', async () => {
    for (const headers of [
      bearer('root'),
      { 'x-api-key': KEYS.root },
      { authorization: `bearer  ${KEYS.root}` },
    ]) {
      if (path.endsWith('events') && method === 'GET' && path === '/events') {
        const head = await ask(service.port, 'HEAD', path, headers);
        expect(head.status).toBe(200);
      } else {
        expect((await ask(service.port, method, path, headers)).status).not.toBe(401);
      }
    }
  });
});

test.each([
  '/TASKS',
  '/tasks/',
  '/Status',
  '//status',
  '/health/../status',
  '/%73tatus',
  '/health%2f..%2fstatus',
])('%s is no way around the key', async (path) => {
  expect((await ask(service.port, 'GET', path)).status).toBe(401);
});

test.each(['/health', '/health-check', '/ping', '/', '/docs', '/openapi.json'])(
  '%s needs none',
  async (path) => {
    expect((await ask(service.port, 'GET', path)).status).toBe(200);
  },
);

test('a body is not read for a request without a key', async () => {
  const head =
    'POST /img2vid HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000';
  const said = await askRaw(service.port, `${head}\r\nExpect: 100-continue\r\n\r\n`, /\r\n\r\n\{.*\}/s);
  expect(said).toMatch(/^HTTP\/1\.1 401 /);
});

test('what tells of everybody is for admins', async () => {
  for (const path of ['/metrics', '/Metrics/']) {
    expect((await ask(service.port, 'GET', path, bearer('alice'))).status).toBe(403);
    expect((await ask(service.port, 'GET', path, bearer('root'))).status).not.toBe(403);
  }
});

test('no key is ever logged', async () => {
  await ask(service.port, 'POST', '/tasks', bearer('alice'), 'x');
  await service.call('POST', '/tasks', { prompt: 'a fox' }, bearer('alice'));
  for (const key of Object.values(KEYS)) expect(lines).not.toContain(key);
});

test('where no keys are configured none is needed, and one that is sent does no harm', async () => {
  const open = await startService();
  try {
    expect((await open.call('GET', '/tasks')).status).toBe(200);
    expect((await open.call('GET', '/tasks', undefined, bearer('alice'))).status).toBe(200);
  } finally {
    await open.close();
  }
});
