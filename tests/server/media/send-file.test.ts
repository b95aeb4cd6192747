import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Koa from 'koa';
import { sendFile } from '../../../server/media/send-file.js';
import { createMediaStorage } from '../../../server/media/storage.js';
import type { MediaStorage } from '../../../server/media/storage.js';

const ID = '0123456789abcdef0123456789abcdef';
const VIDEO = randomBytes(1000);
const LARGE = Buffer.alloc(64 << 20, 7);

let folder: string;
let storage: MediaStorage;
let server: Server;
let port: number;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const call = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({ port, path, headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    request.on('error', reject);
    request.end();
  });

/** Every handle the server was given. Held here, so that the collector cannot close a forgotten one. */
const handles: FileHandle[] = [];
const stillOpen = (): number => handles.filter((handle) => handle.fd !== -1).length;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'send-'));
  storage = createMediaStorage(folder);
  await storage.write(storage.file(ID, 'video-0.mp4'), VIDEO);
  await storage.write(storage.file(ID, 'large.mp4'), LARGE);
  await storage.write(storage.file(ID, 'empty.mp4'), Buffer.alloc(0));
  for (const name of ['thumbnail.png', 'preview.gif', 'preview.webp']) {
    await storage.write(storage.file(ID, name), Buffer.from(name));
  }
  const app = new Koa();
  app.silent = true;
  const watched: MediaStorage = {
    ...storage,
    open: async (path) => {
      const handle = await storage.open(path);
      if (handle) handles.push(handle);
      return handle;
    },
  };
  app.use(async (ctx) => {
    const [, route, name] = ctx.path.split('/');
    const options = { saveAs: ID, ...(route === 'show' ? { attachment: false } : {}) };
    if (!(await sendFile(ctx, watched, storage.file(ID, name), options))) {
      ctx.status = 404;
      ctx.body = 'no such file';
    }
  });
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

describe('whole files', () => {
  test('GET answers every byte with the headers that make it safe to show', async () => {
    const { status, headers, body } = await call('/show/video-0.mp4');
    expect(status).toBe(200);
    expect(body.equals(VIDEO)).toBe(true);
    expect(headers).toMatchObject({
      'accept-ranges': 'bytes',
      'content-length': '1000',
      'content-type': 'video/mp4',
      'content-disposition': `inline; filename=${ID}.mp4`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
    expect(headers.etag).toMatch(/^"[0-9a-f]+-[0-9a-f]+"$/);
    expect(Date.parse(headers['last-modified'] ?? '')).not.toBeNaN();
    expect(headers['content-range']).toBeUndefined();
  });

  test.each([
    ['thumbnail.png', 'image/png'],
    ['preview.gif', 'image/gif'],
    ['preview.webp', 'image/webp'],
  ])('%s is served as %s whatever it contains', async (name, type) => {
    const { headers, body } = await call(`/show/${name}`);
    expect(headers['content-type']).toBe(type);
    expect(body.toString()).toBe(name);
  });

  test('HEAD answers the headers of GET and no body', async () => {
    const get = await call('/show/video-0.mp4');
    const head = await call('/show/video-0.mp4', {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges']) {
      expect(head.headers[name]).toBe(get.headers[name]);
    }
  });

  test.each(['/show/video-0.mp4?download=1', '/download/video-0.mp4'])(
    '%s is saved, not shown',
    async (path) => {
      const { headers } = await call(path);
      expect(headers['content-disposition']).toBe(`attachment; filename=${ID}.mp4`);
    },
  );

  test.each(['/show/video-0.mp4', '/download/video-0.mp4?download=0'])(
    '%s is shown, not saved',
    async (path) => {
      const { headers } = await call(path);
      expect(headers['content-disposition']).toBe(`inline; filename=${ID}.mp4`);
    },
  );

  test('an empty file is 200 with length 0', async () => {
    const { status, headers } = await call('/show/empty.mp4');
    expect([status, headers['content-length']]).toEqual([200, '0']);
  });

  test('a missing file leaves the answer to the route', async () => {
    const { status, headers, body } = await call('/show/grid.mp4');
    expect([status, body.toString()]).toEqual([404, 'no such file']);
    expect(headers.etag).toBeUndefined();
  });
});

describe('ranges', () => {
  test.each([
    ['bytes=0-', 0, 1000],
    ['bytes=0-10', 0, 11],
    ['bytes=-5', 995, 1000],
    ['bytes=990-5000', 990, 1000],
  ])('%s answers exactly those bytes', async (range, from, to) => {
    const { status, headers, body } = await call('/show/video-0.mp4', { range });
    expect(status).toBe(206);
    expect(body.equals(VIDEO.subarray(from, to))).toBe(true);
    expect(headers['content-range']).toBe(`bytes ${from}-${to - 1}/1000`);
    expect(headers['content-length']).toBe(String(to - from));
  });

  test('a range outside the file is 416 with its size', async () => {
    const { status, headers, body } = await call('/show/video-0.mp4', { range: 'bytes=1000-' });
    expect(status).toBe(416);
    expect(headers['content-range']).toBe('bytes */1000');
    expect(body.includes(VIDEO.subarray(0, 16))).toBe(false);
  });

  test.each(['bytes=0-1,5-6', 'bytes=x', 'bytes=9-1', 'lines=1-2'])(
    '%s is ignored and answered whole',
    async (range) => {
      const { status, body } = await call('/show/video-0.mp4', { range });
      expect([status, body.length]).toEqual([200, 1000]);
    },
  );

  test('HEAD ignores Range', async () => {
    const { status, headers } = await call('/show/video-0.mp4', { range: 'bytes=0-1' }, 'HEAD');
    expect([status, headers['content-length']]).toEqual([200, '1000']);
  });

  test('If-Range with the current tag or date gives the part, with any other the whole', async () => {
    const { headers } = await call('/show/video-0.mp4');
    const range = 'bytes=0-9';
    const ask = async (condition: string) =>
      (await call('/show/video-0.mp4', { range, 'if-range': condition })).status;
    expect(await ask(headers.etag ?? '')).toBe(206);
    expect(await ask(headers['last-modified'] ?? '')).toBe(206);
    expect(await ask(`W/${headers.etag ?? ''}`)).toBe(200);
    expect(await ask('"other"')).toBe(200);
    expect(await ask('Wed, 21 Oct 2015 07:28:00 GMT')).toBe(200);
  });
});

describe('validators', () => {
  test('If-None-Match with the current tag, a list or * is 304 without a body', async () => {
    const { headers } = await call('/show/video-0.mp4');
    const etag = headers.etag ?? '';
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await call('/show/video-0.mp4', { 'if-none-match': tags });
      expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([304, 0, etag]);
    }
    expect((await call('/show/video-0.mp4', { 'if-none-match': '"x"' })).status).toBe(200);
  });

  test('If-None-Match outranks Range and If-Modified-Since', async () => {
    const { headers } = await call('/show/video-0.mp4');
    const etag = headers.etag ?? '';
    const modified = headers['last-modified'] ?? '';
    expect((await call('/show/video-0.mp4', { 'if-none-match': etag, range: 'bytes=0-1' })).status).toBe(304);
    expect((await call('/show/video-0.mp4', { 'if-modified-since': modified })).status).toBe(304);
    const both = { 'if-none-match': '"x"', 'if-modified-since': modified };
    expect((await call('/show/video-0.mp4', both)).status).toBe(200);
  });

  test('a file of the same size but another time has another tag', async () => {
    const path = storage.file(ID, 'preview.gif');
    const before = (await call('/show/preview.gif')).headers.etag;
    await utimes(path, new Date(0), new Date(1000));
    const after = await call('/show/preview.gif', { 'if-none-match': before ?? '' });
    expect(after.status).toBe(200);
    expect(after.headers.etag).not.toBe(before);
  });
});

describe('descriptors', () => {
  test('a client that leaves in the middle leaves no open file behind', async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((resolve) => {
        const request = httpRequest({ port, path: '/show/large.mp4', agent: false }, (response) => {
          response.once('data', () => {
            request.destroy();
          });
          response.on('error', () => undefined);
          response.on('close', resolve);
        });
        request.on('error', () => undefined);
        request.end();
      });
    }
    // The server learns of a lost client from its own socket: ask until it has.
    for (let i = 0; i < 200 && stillOpen() > 0; i++) await call('/show/grid.mp4');
    expect(stillOpen()).toBe(0);
  });

  test('answers without a body leave no open file behind', async () => {
    const { headers } = await call('/show/video-0.mp4');
    await call('/show/video-0.mp4', {}, 'HEAD');
    await call('/show/video-0.mp4', { 'if-none-match': headers.etag ?? '' });
    await call('/show/video-0.mp4', { range: 'bytes=5000-' });
    await call('/show/empty.mp4');
    expect(stillOpen()).toBe(0);
  });
});
