import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { PipelineError } from '../../../../pipeline/errors.js';
import { manifest } from '../../../pipeline/manifests.js';
import { holdClips, startService, type Answer, type TestService } from '../../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../../data/rocket.jpg', import.meta.url)));
const base64 = photo.toString('base64');

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const animate = (body: unknown, on = service): Promise<Answer> => on.call('POST', '/gpu/animate', body);
const send = async (body: string, type = 'application/json', on = service) => {
  const response = await fetch(`${on.url}/gpu/animate`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });
  return { status: response.status, body: (await response.json()) as { detail: unknown } };
};

describe('an animation', () => {
  test('is answered with the documented fields, in their order', async () => {
    const { status, body } = await animate({ image_base64: base64, seed: 42 });
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'success',
      video_base64: Buffer.from('gif').toString('base64'),
      video_mime_type: 'image/gif',
      preview_image_base64: Buffer.from('png').toString('base64'),
      preview_image_mime_type: 'image/png',
      model: 'test',
      input_width: 640,
      input_height: 427,
      render_width: 1024,
      render_height: 576,
      num_frames: 12,
      num_steps: 18,
      motion_bucket_id: 127,
      noise_aug_strength: 0.02,
      fps: 7,
      seed: 42,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/),
    });
    expect(Object.keys(body).join()).toBe(
      'status,video_base64,video_mime_type,preview_image_base64,preview_image_mime_type,model,input_width,' +
        'input_height,render_width,render_height,num_frames,num_steps,motion_bucket_id,noise_aug_strength,fps,' +
        'seed,timestamp',
    );
    const ms = Math.abs(new Date(`${String(body.timestamp).slice(0, 23)}`).getTime() - Date.now());
    expect(ms).toBeLessThan(60_000);
  });

  test('is made of the stretched picture with the values asked for', async () => {
    const asked = {
      motion_bucket_id: 255,
      noise_aug_strength: 1,
      num_frames: 24,
      num_steps: 40,
      fps: 25,
      seed: 0,
    };
    const { status, body } = await animate({ image_base64: base64, ...asked });
    expect(status).toBe(200);
    expect(body).toMatchObject(asked);
    expect(service.jobs.at(-1)?.params).toMatchObject({
      W: 1024,
      H: 576,
      T: 24,
      fps: 25,
      seed: 0,
      steps: 40,
      motion_bucket_id: 255,
      cond_aug: 1,
      decoding_t: 4,
      num_cols: 1,
      fit: 'stretch',
      outputs: 'mp4+gif',
    });
  });

  test.each([
    ['an empty body', {}],
    ['an empty text', { image_base64: '' }],
    ['a blank', { image_base64: ' \n' }],
  ])('of %s moves the default picture', async (_, body) => {
    const answer = await animate(body);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ input_width: 640, input_height: 427, seed: null, fps: 7 });
  });

  test('takes a data URL, and the size of a picture is the one it is seen in', async () => {
    const turned = await sharp(photo).resize(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { body } = await animate({ image_base64: `data:image/jpeg;base64,${turned.toString('base64')}` });
    expect(body).toMatchObject({ status: 'success', input_width: 40, input_height: 60 });
  });

  test('faster than 25 frames a second is clamped, and says so', async () => {
    expect((await animate({ fps: 30 })).body).toMatchObject({ fps: 25 });
    expect(service.jobs.at(-1)?.params.fps).toBe(25);
    expect((await animate({ fps: 1 })).body).toMatchObject({ fps: 1 });
  });

  test('takes numbers as texts and ignores fields that it does not know', async () => {
    const { status, body } = await animate({
      num_frames: '8',
      noise_aug_strength: ' 0.5 ',
      seed: '1',
      other: [1],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ num_frames: 8, noise_aug_strength: 0.5, seed: 1 });
  });

  test('with a seed beyond ours is the same again for the same seed', async () => {
    const seeds = [];
    for (let i = 0; i < 2; i++) {
      expect((await animate({ seed: 2 ** 40 })).body.seed).toBe(2 ** 40);
      seeds.push(service.jobs.at(-1)?.params.seed);
    }
    expect(seeds[0]).toBe(seeds[1]);
    expect(seeds[0]).toBe(2 ** 40 % (1e9 + 1));
  });

  test('is a task like any other', async () => {
    await animate({ seed: 77 });
    const [task] = (await service.call('GET', '/status?limit=1')).body;
    expect(task).toMatchObject({ status: 'completed', api: 'animate', seed: 77, source: { type: 'upload' } });
    expect(task.videos[0].gif_url).toBe(`/download/gif/${task.id}`);
  });
});

describe('a body that is not valid', () => {
  const ge = (n: number) => ({
    type: 'greater_than_equal',
    msg: `Input should be greater than or equal to ${n}`,
    ctx: { ge: n },
  });
  const le = (n: number) => ({
    type: 'less_than_equal',
    msg: `Input should be less than or equal to ${n}`,
    ctx: { le: n },
  });
  const wrong = (type: string, what: string) => ({ type, msg: `Input should be a valid ${what}` });
  const notParsed = 'integer, unable to parse string as an integer';

  test.each([
    ['num_frames', 7, ge(8)],
    ['num_frames', 25, le(24)],
    ['num_frames', 8.5, wrong('int_from_float', 'integer, got a number with a fractional part')],
    ['num_frames', 'many', wrong('int_parsing', notParsed)],
    ['num_frames', '8.5', wrong('int_parsing', notParsed)],
    ['num_frames', null, wrong('int_type', 'integer')],
    ['num_frames', [8], wrong('int_type', 'integer')],
    ['num_steps', 4, ge(5)],
    ['num_steps', 41, le(40)],
    ['motion_bucket_id', 0, ge(1)],
    ['motion_bucket_id', 256, le(255)],
    ['fps', 0, ge(1)],
    ['fps', 31, le(30)],
    ['noise_aug_strength', -0.1, ge(0)],
    ['noise_aug_strength', 1.1, le(1)],
    ['noise_aug_strength', {}, wrong('float_type', 'number')],
    ['noise_aug_strength', 'x', wrong('float_parsing', 'number, unable to parse string as a number')],
    ['seed', -1, ge(0)],
    ['seed', [], wrong('int_type', 'integer')],
    ['image_base64', 5, wrong('string_type', 'string')],
    ['image_base64', null, wrong('string_type', 'string')],
  ])('%s = %j', async (field, input, fault) => {
    const { status, body } = await animate({ [field]: input });
    expect([status, body]).toEqual([422, { detail: [{ ...fault, loc: ['body', field], input }] }]);
  });

  test('names every field at fault, and the answer is written as documented', async () => {
    const response = await fetch(`${service.url}/gpu/animate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"num_frames":4,"fps":99}',
    });
    expect(response.status).toBe(422);
    expect(await response.text()).toBe(
      '{"detail":[{"type":"greater_than_equal","loc":["body","num_frames"],"msg":"Input should be greater than or ' +
        'equal to 8","input":4,"ctx":{"ge":8}},{"type":"less_than_equal","loc":["body","fps"],"msg":"Input should ' +
        'be less than or equal to 30","input":99,"ctx":{"le":30}}]}',
    );
  });

  const notAnObject = 'Input should be a valid dictionary or object to extract fields from';
  test.each([
    ['', { type: 'missing', loc: ['body'], msg: 'Field required', input: null }],
    ['[1]', { type: 'model_attributes_type', loc: ['body'], msg: notAnObject, input: [1] }],
    ['"a"', { type: 'model_attributes_type', loc: ['body'], msg: notAnObject, input: 'a' }],
    ['null', { type: 'model_attributes_type', loc: ['body'], msg: notAnObject, input: null }],
    [
      '{"fps": 7',
      {
        type: 'json_invalid',
        loc: ['body', 9],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: expect.any(String) },
      },
    ],
  ])('%j', async (text, detail) => {
    expect(await send(text)).toEqual({ status: 422, body: { detail: [detail] } });
  });

  test.each(['application/x-www-form-urlencoded', 'text/plain'])('of type %s', async (type) => {
    const { status, body } = await send('seed=1', type);
    expect(status).toBe(422);
    expect(body).toEqual({
      detail: [{ type: 'model_attributes_type', loc: ['body'], msg: notAnObject, input: null }],
    });
  });

  test('nested too deeply, or with a list of thousands, is refused without being repeated', async () => {
    const deep = `{"fps":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    const long = JSON.stringify({ fps: Array(5000).fill(1) });
    for (const text of [deep, long]) {
      const { status, body } = await send(text);
      expect(status).toBe(422);
      expect(JSON.stringify(body).length).toBeLessThan(300);
    }
  });

  test('larger than a picture may be is refused', async () => {
    const small = await startService({ env: { MAX_UPLOAD_MB: '1' } });
    const { status, body } = await animate({ image_base64: 'A'.repeat(3 * 2 ** 20) }, small);
    expect([status, body]).toEqual([413, { detail: expect.stringMatching(/larger than allowed/) }]);
    await small.close();
  });
});

describe('a picture that is none', () => {
  const encoded = (content: string | Buffer): string => Buffer.from(content).toString('base64');
  test.each([
    ['what is not base64', 'not base64!', /^Invalid input image: it is not base64$/],
    ['an empty data URL', 'data:image/png;base64,', /^Invalid input image: it is not base64$/],
    ['an address', 'https://example.com/a.png', /^Invalid input image: it is not base64$/],
    ['text', encoded('hello'), /^Invalid input image: expected PNG, JPEG, WebP or GIF, found text$/],
    ['an SVG', encoded('<svg width="9" height="9"/>'), /^Invalid input image: .*SVG/],
    ['half a JPEG', encoded(photo.subarray(0, 20_000)), /^Invalid input image: .*damaged or truncated$/],
  ])('%s', async (_, image_base64, detail) => {
    const { status, body } = await animate({ image_base64 });
    expect([status, body]).toEqual([400, { detail: expect.stringMatching(detail) }]);
  });

  test('a default picture that is not there is the service’s own fault', async () => {
    const without = await startService({ env: { DEFAULT_PICTURE: '/nowhere/picture.png' } });
    const { status, body } = await animate({}, without);
    expect([status, body]).toEqual([500, { detail: 'Default image not found: picture.png' }]);
    expect((await animate({ image_base64: base64 }, without)).status).toBe(200);
    await without.close();
  });
});

describe('a clip that does not come to its end', () => {
  test('is a 400 that says why', async () => {
    const failing = await startService({
      make: () => Promise.reject(new PipelineError('out_of_memory', 'The device ran out of memory')),
    });
    const { status, body } = await animate({}, failing);
    expect([status, body]).toEqual([400, { detail: 'Animation failed: The device ran out of memory' }]);
    await failing.close();
  });

  test('is a 400 without internals where the fault is internal', async () => {
    const failing = await startService({ make: () => Promise.reject(new Error('secret')) });
    const { status, body } = await animate({}, failing);
    expect([status, body]).toEqual([
      400,
      { detail: 'Animation failed: The task failed because of an internal error' },
    ]);
    await failing.close();
  });

  test('in time is a 504 that says where it will be, and the same key finds it there', async () => {
    const held = holdClips();
    const slow = await startService({ make: held.make, env: { SYNC_SECONDS: '1' } });
    const key = { 'Idempotency-Key': 'a-key' };
    const first = await slow.call('POST', '/gpu/animate', { seed: 3 }, key);
    expect(first.status).toBe(504);
    const { task_id: id, status_url: statusUrl, detail } = first.body;
    expect(detail).toMatch(/^Not finished after 1 s/);
    expect(statusUrl).toBe(`/tasks/${id}`);
    held.release(id);
    const task = await slow.ended(id);
    expect(task.videos[0].gif_url).toBe(`/download/gif/${id}`);
    const again = await slow.call('POST', '/gpu/animate', { seed: 3 }, key);
    expect([again.status, again.body.status, again.body.seed]).toEqual([200, 'success', 3]);
    expect(slow.jobs).toHaveLength(1);
    await slow.close();
  });

  test('before its client goes is finished all the same', async () => {
    const held = holdClips();
    const slow = await startService({ make: held.make });
    const body = JSON.stringify({ seed: 9 });
    const socket = connect(slow.port, '127.0.0.1');
    const created = once(slow.table, 'change');
    socket.write(
      `POST /gpu/animate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const [id] = (await created) as [string];
    await held.running(id);
    socket.destroy();
    held.release(id);
    expect(await slow.ended(id)).toMatchObject({ status: 'completed', seed: 9 });
    await slow.close();
  });

  test('because its task is deleted is a 400', async () => {
    const held = holdClips();
    const slow = await startService({ make: held.make });
    const created = once(slow.table, 'change');
    const answer = animate({}, slow);
    const [id] = (await created) as [string];
    await held.running(id);
    await slow.call('DELETE', `/tasks/${id}`);
    const { status, body } = await answer;
    expect(status).toBe(400);
    expect(body.detail).toMatch(/^Animation failed: (its task was deleted|The task was cancelled)$/);
    await slow.close();
  });
});

describe('models', () => {
  test('that make fewer frames make as many as they can', async () => {
    const limits = { W: 1024, H: 1024, T: 14, pixels: 1024 * 576 * 14 };
    const short = await startService({ manifest: manifest({ limits }) });
    const { body } = await animate({ num_frames: 24 }, short);
    expect(body).toMatchObject({ num_frames: 14, render_width: 1024, render_height: 576 });
    const [task] = (await short.call('GET', '/status')).body;
    expect(task.warnings).toEqual([expect.stringMatching(/14 frames at most/)]);
    await short.close();
  });

  test('that are too small for 1024×576 render their own size', async () => {
    const limits = { W: 768, H: 768, T: 25, pixels: 768 * 768 * 25 };
    const small = await startService({ manifest: manifest({ limits }) });
    expect((await animate({}, small)).body).toMatchObject({ render_width: 512, render_height: 288 });
    await small.close();
  });
});

describe('other addresses', () => {
  test('ping says that the service is healthy', async () => {
    const response = await fetch(`${service.url}/ping`);
    expect([response.status, await response.text()]).toEqual([200, '{"status":"healthy"}']);
  });

  test.each([
    ['GET', '/gpu/animate', 405, 'Method Not Allowed'],
    ['POST', '/ping', 405, 'Method Not Allowed'],
    ['POST', '/gpu/other', 404, 'Not Found'],
  ])('%s %s is a %i in the API’s form', async (method, path, status, detail) => {
    expect(await service.call(method, path)).toMatchObject({ status, body: { detail } });
  });
});
