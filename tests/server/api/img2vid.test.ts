import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { startService, type TestService } from '../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url)));

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const answer = async (response: Response): Promise<Answer> => ({
  status: response.status,
  body: (await response.json()) as Record<string, unknown>,
});
const post = async (
  body: string | FormData | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Answer> => answer(await fetch(`${service.url}/img2vid`, { method: 'POST', body, headers }));
const postJson = (value: unknown): Promise<Answer> =>
  post(typeof value === 'string' ? value : JSON.stringify(value), { 'content-type': 'application/json' });
const multipart = (
  fields: Record<string, string>,
  file?: Uint8Array,
  field = 'image',
  name = 'p.jpg',
): FormData => {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  if (file) form.append(field, new Blob([new Uint8Array(file)]), name);
  return form;
};

describe('the three encodings', () => {
  test('multipart with an uploaded picture gives the queued task at once and a clip in the end', async () => {
    const { status, body } = await post(multipart({ steps: '5', seed: '11' }, photo, 'image', 'Фото é.jpg'));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      status: 'queued',
      start_time: null,
      end_time: null,
      video_url: null,
      thumbnail_url: null,
      seed: 11,
      source: { type: 'upload', name: 'Фото é.jpg' },
      params: { steps: 5, seed: 11, W: 512, H: 288 },
    });
    const done = await service.ended(String(body.id));
    expect(done).toMatchObject({
      status: 'completed',
      start_time: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      end_time: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      video_url: `/download/video/${String(body.id)}`,
      thumbnail_url: `/download/thumbnail/${String(body.id)}`,
      grid_url: null,
      progress: 1,
      error: null,
    });
    expect(service.jobs.find(({ id }) => id === body.id)?.params).toMatchObject({ steps: 5, seed: 11 });
  });

  test('the picture may come in `file` too', async () => {
    expect((await post(multipart({}, photo, 'file'))).status).toBe(200);
  });

  test('urlencoded and JSON give the same task', async () => {
    const form = new URLSearchParams({ prompt: 'a fox', steps: '5', cond_aug: '0.1' });
    const [a, b] = [await post(form), await postJson({ prompt: 'a fox', steps: 5, cond_aug: 0.1, seed: 1 })];
    expect([a.status, b.status]).toEqual([200, 200]);
    expect({ ...(a.body.params as object), seed: 1 }).toEqual(b.body.params);
    expect(a.body.source).toEqual({ type: 'prompt', prompt: 'a fox' });
  });
});

describe('the source', () => {
  test('a prompt’s stand-in picture is labelled in the task', async () => {
    const { body } = await postJson({ prompt: 'a fox' });
    const done = await service.ended(String(body.id));
    expect(done.source).toEqual({ type: 'prompt', prompt: 'a fox', placeholder: true });
    expect(String(done.warnings)).toMatch(/placeholder/);
  });

  test('the prompt is used when an address or a picture is there too, with a warning', async () => {
    const { body } = await post(multipart({ prompt: 'a fox', image_url: 'http://a.example/b.png' }, photo));
    expect(body.source).toMatchObject({ type: 'prompt' });
    expect(body.warnings).toEqual([
      expect.stringContaining('image_url'),
      expect.stringContaining('image is not used'),
    ]);
  });

  test.each([{}, { prompt: '' }, { prompt: '  ', image_url: '' }, { prompt: null }])(
    'none in %j is the documented 400',
    async (body) => {
      expect(await postJson(body)).toEqual({
        status: 400,
        body: expect.objectContaining({ error: 'Invalid request', message: 'Image and prompt not found' }),
      });
    },
  );

  test('an empty POST is the same 400', async () => {
    const response = await fetch(`${service.url}/img2vid`, { method: 'POST' });
    expect((await answer(response)).body.message).toBe('Image and prompt not found');
  });

  test.each([
    ['prompt', 5],
    ['prompt', ['a']],
    ['prompt', { a: 1 }],
    ['prompt', 'x'.repeat(8193)],
    ['image_url', 'file:///etc/passwd'],
    ['image_url', 'ftp://a.example/b.png'],
    ['image_url', 'data:image/png;base64,AAAA'],
    ['image_url', 'not an address'],
    ['image_url', 'http://user:secret@a.example/b.png'],
    ['image_url', 7],
  ])('%s = %j is refused by name', async (field, value) => {
    const { status, body } = await postJson({ [field]: value });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'Invalid request', field });
    expect(JSON.stringify(body)).not.toContain('secret');
  });
});

describe('bad parameters', () => {
  test.each([
    ['steps', 0],
    ['W', 500],
    ['sampler', 'Magic'],
    ['seed', 'abc'],
    ['T', 2.5],
    ['nonsense', 1],
  ])('%s = %p is a 400 with field, message and what is allowed', async (field, value) => {
    const before = await service.table.count();
    const { status, body } = await postJson({ prompt: 'a fox', [field]: value });
    expect(status).toBe(400);
    expect(body).toEqual({
      error: 'Invalid request',
      message: expect.stringContaining(field),
      field,
      allowed: expect.any(String),
    });
    expect(await service.table.count()).toBe(before);
  });

  test('the same field twice in a form is a wrong type', async () => {
    const { status, body } = await post(new URLSearchParams('prompt=a&steps=3&steps=4'));
    expect([status, body.field]).toEqual([400, 'steps']);
  });

  test.each(['__proto__', 'constructor', 'toString'])(
    'a field called %s is unknown, and harmless',
    async (name) => {
      const json = await postJson(`{"prompt":"a","${name}":{"polluted":true}}`);
      const form = await post(multipart({ prompt: 'a', [name]: '1' }));
      for (const { status } of [json, form]) expect([200, 400]).toContain(status);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    },
  );
});

describe('bad pictures', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
  test.each([
    ['text', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['a truncated JPEG', photo.subarray(0, photo.length / 2)],
    ['an SVG', Buffer.from(svg)],
    ['a video', Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1')],
    ['a PDF', Buffer.from('%PDF-1.7\n')],
  ])('%s is a 400 and leaves nothing behind', async (_what, bytes) => {
    const { status, body } = await post(multipart({}, bytes));
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'Invalid request', field: 'image' });
    expect(body.message).toMatch(/^Invalid image file/);
  });

  test('more pixels than the limit are a 400 that names it', async () => {
    const huge = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const { status, body } = await post(multipart({}, huge));
    expect([status, body.field]).toEqual([400, 'image']);
    expect(body.message).toMatch(/40/);
  });

  test('a picture over 20 MB is a 400, a body far over it a 413', async () => {
    const a = await post(multipart({}, Buffer.alloc(20 * 1024 * 1024 + 1, 'x')));
    expect([a.status, a.body.field]).toEqual([400, 'image']);
    const b = await post(multipart({}, Buffer.alloc(24 * 1024 * 1024, 'x')));
    expect([b.status, b.body.error]).toEqual([413, 'Payload too large']);
  });

  test('two pictures or one in another field are refused by name', async () => {
    const two = multipart({}, photo);
    two.append('file', new Blob([new Uint8Array(photo)]), 'b.jpg');
    expect((await post(two)).status).toBe(400);
    const other = await post(multipart({}, photo, 'photo'));
    expect([other.status, other.body.field]).toEqual([400, 'photo']);
  });

  test('no upload stays after it was used or refused', async () => {
    await service.runner.close(0);
    const left = await readdir(join(service.folder, 'pictures')).catch(() => []);
    expect(left).toEqual([]);
    await service.close();
    service = await startService();
  });
});

describe('bad bodies', () => {
  test.each([
    ['{"prompt":', 'application/json'],
    ['[1]', 'application/json'],
    ['"text"', 'application/json'],
    ['', 'application/json'],
    ['--x\r\nbroken', 'multipart/form-data; boundary=x'],
    ['no boundary', 'multipart/form-data'],
  ])('%j as %s is a 400', async (body, type) => {
    const result = await post(body, { 'content-type': type });
    expect(result.status).toBe(400);
    expect(result.body.error).toBe('Invalid request');
  });

  test('another type is a 415 that says which are read', async () => {
    const { status, body } = await post('<a/>', { 'content-type': 'application/xml' });
    expect([status, body.error]).toEqual([415, 'Unsupported media type']);
    expect(body.allowed).toContain('application/json');
  });

  test('a JSON body over its limit is a 413', async () => {
    expect((await postJson({ prompt: 'x'.repeat(1024 * 1024) })).status).toBe(413);
  });

  test('a body that announces too much is refused before it is sent', async () => {
    const socket = connect(service.port, '127.0.0.1');
    socket.write(
      'POST /img2vid HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n' +
        'Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n',
    );
    const first = await new Promise<string>((resolve) => socket.once('data', (d) => resolve(String(d))));
    socket.destroy();
    expect(first).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('a client that asks first is told to go on', async () => {
    const body = 'prompt=a+fox';
    const socket = connect(service.port, '127.0.0.1');
    socket.write(
      'POST /img2vid HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
        `Content-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
    let seen = '';
    await new Promise<void>((resolve) => {
      socket.on('data', (data) => {
        const before = seen;
        seen += String(data);
        if (before === '' && seen.startsWith('HTTP/1.1 100 Continue')) socket.write(body);
      });
      socket.on('end', resolve);
    });
    expect(seen).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  test('a chunked body without end is cut off at the limit', async () => {
    const socket = connect(service.port, '127.0.0.1');
    socket.on('error', () => undefined); // the server hangs up on it
    socket.write(
      'POST /img2vid HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let answered = '';
    socket.on('data', (data) => (answered += String(data)));
    for (let i = 0; i < 64 && answered === ''; i++) {
      socket.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (answered === '') await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(answered).toMatch(/^HTTP\/1\.1 4(00|13) /);
  });
});

describe('addresses', () => {
  test('an unknown one is a 404 in JSON', async () => {
    const result = await answer(await fetch(`${service.url}/nowhere`));
    expect(result).toEqual({ status: 404, body: { error: 'Not found', message: expect.any(String) } });
  });

  test('a wrong method is a 405 that says which are right', async () => {
    const response = await fetch(`${service.url}/img2vid`);
    expect(response.headers.get('allow')).toContain('POST');
    expect(await answer(response)).toMatchObject({ status: 405, body: { error: 'Method not allowed' } });
    expect((await fetch(`${service.url}/status`, { method: 'DELETE' })).status).toBe(405);
  });

  test('health answers while the service runs', async () => {
    const { status, body } = await answer(await fetch(`${service.url}/health`));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: { name: 'test' },
      workers: [{ state: 'starting' }],
      device: 'not set',
    });
  });
});
