import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ask } from '../raw-request.js';
import { startService, type TestService } from '../support.js';
import { bearer, startKeyedService } from './keyed-service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    env: {
      BASE_URL: 'https://clips.example/base',
      ALLOWED_HOSTS: 'gpu.example',
      CORS_ORIGINS: 'https://friend.example',
    },
  });
});
afterAll(() => service.close());

const status = async (host: string, path = '/tasks'): Promise<number> =>
  (await ask(service.port, 'GET', path, { host })).status;

describe('Host', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:5000',
    '10.1.2.3:5000',
    '93.184.216.34',
    '[::1]:5000',
    'localhost',
    'LocalHost:5000',
    'localhost.',
    'app.localhost',
    'img2vid',
    'img2vid:5000',
    'printer.local',
    'img2vid.clips.svc.cluster.local',
    'clips.example',
    'CLIPS.example:8443',
    'clips.example.',
    'gpu.example',
  ])('%s is one of the service’s own', async (host) => {
    expect(await status(host)).toBe(200);
  });

  test.each([
    'evil.example',
    'evil.example:5000',
    'clips.example.evil.example',
    'evil-clips.example',
    'sub.clips.example',
    '127.0.0.1.nip.io',
    'localhost.evil.example',
    'local.evil.example',
    'a b',
    'evil.example/127.0.0.1',
  ])('%s may be a stranger’s, and gets nothing', async (host) => {
    expect(await status(host)).toBe(403);
    expect(await status(host, '/status')).toBe(403);
    expect(await status(host, '/health')).toBe(403);
  });

  test('of a pod’s proxy is known by the pod’s id', async () => {
    const pod = await startService({ env: { RUNPOD_POD_ID: 'abc123', PORT: '5000' } });
    try {
      const seen = async (host: string): Promise<number> =>
        (await ask(pod.port, 'GET', '/tasks', { host })).status;
      expect(await seen('abc123-5000.proxy.runpod.net')).toBe(200);
      expect(await seen('abc124-5000.proxy.runpod.net')).toBe(403);
    } finally {
      await pod.close();
    }
  });

  test('is any where keys are needed, and where ALLOWED_HOSTS says so', async () => {
    const keyed = await startKeyedService();
    const any = await startService({ env: { ALLOWED_HOSTS: '*' } });
    try {
      const headers = { host: 'evil.example', ...bearer('alice') };
      expect((await ask(keyed.port, 'GET', '/tasks', headers)).status).toBe(200);
      expect((await ask(any.port, 'GET', '/tasks', { host: 'evil.example' })).status).toBe(200);
    } finally {
      await Promise.all([keyed.close(), any.close()]);
    }
  });
});

describe('CORS', () => {
  const preflight = (origin: string) =>
    ask(service.port, 'OPTIONS', '/tasks', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    });

  test('lets the pages of a configured origin in', async () => {
    const asked = await preflight('https://friend.example');
    expect(asked.status).toBe(204);
    expect(asked.headers['access-control-allow-origin']).toBe('https://friend.example');
    expect(asked.headers['access-control-allow-headers']).toContain('Authorization');
    expect(asked.headers['access-control-allow-methods']).toContain('DELETE');
    expect(asked.headers['access-control-allow-credentials']).toBeUndefined();
    const read = await ask(service.port, 'GET', '/tasks', { origin: 'https://friend.example' });
    expect(read.headers['access-control-allow-origin']).toBe('https://friend.example');
    expect(read.headers['access-control-expose-headers']).toContain('X-Total-Count');
    const wrong = await ask(service.port, 'GET', '/tasks/nope', { origin: 'https://friend.example' });
    expect([wrong.status, wrong.headers['access-control-allow-origin']]).toEqual([
      404,
      'https://friend.example',
    ]);
  });

  test.each([
    'https://evil.example',
    'http://friend.example',
    'https://friend.example:8443',
    'https://sub.friend.example',
    'https://friend.example.evil.example',
    'null',
  ])('keeps %s out', async (origin) => {
    for (const answer of [await preflight(origin), await ask(service.port, 'GET', '/tasks', { origin })]) {
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers.vary).toMatch(/Origin/i);
    }
  });

  test('is off by default', async () => {
    const plain = await startService();
    try {
      const answer = await ask(plain.port, 'GET', '/tasks', { origin: 'https://friend.example' });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    } finally {
      await plain.close();
    }
  });

  test('asks for a key where one is needed, in an answer that the page can read', async () => {
    const keyed = await startKeyedService({ env: { CORS_ORIGINS: 'https://friend.example' } });
    try {
      const origin = 'https://friend.example';
      const asked = await ask(keyed.port, 'OPTIONS', '/tasks', {
        origin,
        'access-control-request-method': 'POST',
      });
      expect(asked.status).toBe(204);
      const refused = await ask(keyed.port, 'GET', '/tasks', { origin });
      expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
    } finally {
      await keyed.close();
    }
  });
});

describe('headers', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/health'],
    ['GET', '/status'],
    ['GET', '/tasks'],
    ['GET', '/tasks/nope'],
    ['GET', '/nowhere'],
    ['PUT', '/tasks'],
    ['POST', '/img2vid'],
    ['HEAD', '/events'],
    ['GET', '/download/video/nope'],
  ])('of %s %s keep a browser from running, framing or embedding it', async (method, path) => {
    const { headers } = await ask(service.port, method, path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['content-type']).toMatch(/^(application\/json|text\/event-stream)/);
  });

  test('of a picture with a page in it are those of a picture', async () => {
    const form = new FormData();
    const gif = Buffer.from('GIF89a<script>alert(1)</script>');
    form.append('image', new Blob([new Uint8Array(gif)], { type: 'text/html' }), 'page.html');
    const { status, headers, body } = await service.call('POST', '/img2vid', form);
    expect(status).toBe(400);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(JSON.stringify(body)).not.toContain('<script>');
  });
});
