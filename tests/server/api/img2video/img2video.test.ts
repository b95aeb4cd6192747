import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { PipelineError } from '../../../../pipeline/errors.js';
import { manifest, svdXt } from '../../../pipeline/manifests.js';
import { holdClips, startService, VIDEO, type Answer, type TestService } from '../../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../../data/rocket.jpg', import.meta.url)));

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const form = (fields: Record<string, string> = {}, picture: Uint8Array = photo, name = 'p.jpg'): FormData => {
  const body = new FormData();
  for (const [key, value] of Object.entries(fields)) body.append(key, value);
  body.append('image', new Blob([new Uint8Array(picture)]), name);
  return body;
};
const submit = (body: unknown, on = service): Promise<Answer> => on.call('POST', '/api/img2video', body);
const result = (id: string, on = service): Promise<Answer> => on.call('GET', `/api/img2video/result/${id}`);
/** A picture of one colour. */
const plain = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#246' } })
    .png()
    .toBuffer();
/** A generation whose clip has been made. */
const generate = async (fields: Record<string, string> = {}): Promise<string> => {
  const { body } = await submit(form(fields));
  const task = await service.table.findExternal('img2video', '', body.id);
  await service.ended(task?.id ?? '');
  return String(body.id);
};

describe('starting', () => {
  test('a picture of a documented size gives an id', async () => {
    const { status, body } = await submit(form({}, await plain(1024, 576), 'a.png'));
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      message: 'Video generation started. Poll for results using the returned ID.',
      dimensions: '1024x576',
    });
  });

  test.each([
    [1920, 1080, '1024x576'],
    [300, 900, '576x1024'],
    [640, 480, '768x768'],
  ])('a picture of %i×%i comes to %s, and says so', async (width, height, dimensions) => {
    const { body } = await submit(form({}, await plain(width, height), 'A.PNG'));
    expect(body).toMatchObject({
      message: `Video generation started. Image automatically resized to ${dimensions}. Poll for results using the returned ID.`,
      dimensions,
    });
  });

  test('the proportions are those in which a picture is seen', async () => {
    const turned = await sharp(photo).resize(400, 200).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect((await submit(form({}, turned))).body.dimensions).toBe('576x1024');
  });

  test('the clip is the model’s own, with what was asked for, and none of the picture is distorted', async () => {
    await generate({ seed: '12345', motion_bucket_id: '255', cfg_scale: '10', other: 'x' });
    expect(service.jobs.at(-1)?.params).toMatchObject({
      W: 768,
      H: 768,
      T: 25,
      fps: 12,
      seed: 12345,
      motion_bucket_id: 255,
      fit: 'cover',
      outputs: 'mp4',
    });
  });

  test('cfg_scale is the model’s guidance, scaled', async () => {
    const limits = { W: 1024, H: 1024, T: 25, pixels: 1024 * 576 * 25 };
    const guided = await startService({ manifest: { ...svdXt(), limits } });
    const { body } = await submit(form({ cfg_scale: '3' }), guided);
    expect(body.dimensions).toBe('768x768');
    const task = await guided.table.findExternal('img2video', '', body.id);
    expect(task?.params).toMatchObject({
      guider: 'LinearPredictionGuider',
      min_guidance_scale: 3,
      max_cfg_scale: 6,
    });
    await guided.close();
  });

  test('a model too small for the three sizes makes its own', async () => {
    const limits = { W: 512, H: 512, T: 25, pixels: 512 * 512 * 25 };
    const small = await startService({ manifest: manifest({ limits }) });
    expect((await submit(form(), small)).body.dimensions).toBe('512x288');
    await small.close();
  });

  test('transparency is laid on white', async () => {
    const held = holdClips();
    const slow = await startService({ make: held.make });
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#0000' } })
      .png()
      .toBuffer();
    const { body } = await submit(form({}, clear, 'a.png'), slow);
    const task = await slow.table.findExternal('img2video', '', body.id);
    const pixels = await sharp(slow.storage.picture(task?.id ?? ''))
      .raw()
      .toBuffer();
    expect([...pixels]).toEqual(Array(8 * 8 * 3).fill(255));
    held.release(task?.id ?? '');
    await slow.close();
  });

  test('the same Idempotency-Key gives the same generation', async () => {
    const key = { 'Idempotency-Key': 'once' };
    const first = await service.call('POST', '/api/img2video', form({ seed: '4' }), key);
    const second = await service.call('POST', '/api/img2video', form({ seed: '4' }), key);
    expect(second.body).toEqual(first.body);
  });
});

describe('refusals', () => {
  const unsupported = 'File format not supported. Please use JPG or PNG images. Received: ';
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==', 'base64');
  const withText = (): FormData => {
    const body = new FormData();
    body.append('image', 'a text');
    return body;
  };

  test.each([
    ['no picture', new FormData(), 'Image file is required'],
    ['a text in place of the picture', withText(), 'Image file is required'],
    ['a body of JSON', { image: 'x' }, 'Image file is required'],
    ['no body', undefined, 'Image file is required'],
    ['another ending', form({}, photo, 'p.webp'), `${unsupported}webp`],
    ['no ending', form({}, photo, 'p'), `${unsupported}unknown`],
    ['an endless ending', form({}, photo, `p.${'x'.repeat(300)}`), `${unsupported}${'x'.repeat(20)}`],
    ['a GIF called JPEG', form({}, gif), `${unsupported}gif`],
    ['a text called PNG', form({}, Buffer.from('hello'), 'p.png'), `${unsupported}text`],
    ['cfg_scale above its range', form({ cfg_scale: '10.1' }), 'cfg_scale must be between 0 and 10'],
    ['cfg_scale below its range', form({ cfg_scale: '-1' }), 'cfg_scale must be between 0 and 10'],
    ['cfg_scale that is no number', form({ cfg_scale: 'high' }), 'cfg_scale must be a number'],
    ['motion_bucket_id of 0', form({ motion_bucket_id: '0' }), 'motion_bucket_id must be between 1 and 255'],
    [
      'motion_bucket_id of 256',
      form({ motion_bucket_id: '256' }),
      'motion_bucket_id must be between 1 and 255',
    ],
    ['motion_bucket_id in part', form({ motion_bucket_id: '12.5' }), 'motion_bucket_id must be an integer'],
    ['a seed below 0', form({ seed: '-1' }), 'seed must be between 0 and 4294967294'],
    ['a seed too large', form({ seed: '4294967295' }), 'seed must be between 0 and 4294967294'],
    ['a seed that is no number', form({ seed: 'x' }), 'seed must be an integer'],
  ])('%s', async (_, body, error) => {
    expect(await submit(body)).toMatchObject({ status: 400, body: { error } });
  });

  test('a form in which no file was chosen', async () => {
    const body =
      '--b\r\nContent-Disposition: form-data; name="image"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n';
    const response = await fetch(`${service.url}/api/img2video`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body,
    });
    expect([response.status, await response.text()]).toEqual([400, '{"error":"No selected file"}']);
  });

  test('a damaged picture', async () => {
    const { status, body } = await submit(form({}, photo.subarray(0, 20_000)));
    expect([status, body]).toEqual([400, { error: expect.stringMatching(/damaged or truncated/) }]);
  });

  test('a field given twice', async () => {
    const twice = form({ seed: '1' });
    twice.append('seed', '2');
    expect((await submit(twice)).status).toBe(400);
  });

  test('more than 10 MB, whether the picture or the body', async () => {
    const large = Buffer.concat([photo, Buffer.alloc(10 * 2 ** 20 + 1 - photo.length)]);
    const picture = await submit(form({}, large));
    expect([picture.status, picture.body]).toEqual([
      400,
      { error: expect.stringMatching(/larger than allowed/) },
    ]);
    const whole = await submit(form({}, Buffer.alloc(12 * 2 ** 20)));
    expect([whole.status, whole.body]).toEqual([
      413,
      { error: expect.stringMatching(/larger than allowed/) },
    ]);
    const limit = Buffer.concat([photo, Buffer.alloc(10 * 2 ** 20 - photo.length)]);
    expect((await submit(form({}, limit))).status).toBe(200);
  });

  test('leave nothing behind', async () => {
    const before = (await service.call('GET', '/tasks?limit=1')).body.total;
    await submit(form({ seed: 'x' }));
    await submit(form({}, photo.subarray(0, 20_000)));
    expect((await service.call('GET', '/tasks?limit=1')).body.total).toBe(before);
  });

  test.each([
    ['PUT', '/api/img2video'],
    ['POST', '/api/img2video/result/x'],
  ])('%s %s', async (method, path) => {
    const { status, body } = await service.call(method, path);
    expect([status, Object.keys(body)]).toEqual([405, ['error']]);
  });
});

describe('the result', () => {
  test('is in progress, and then complete for as often as it is asked for', async () => {
    const held = holdClips();
    const slow = await startService({ make: held.make });
    const { id } = (await submit(form({ seed: '12345' }), slow)).body;
    const inProgress = {
      status: 202,
      body: {
        status: 'in-progress',
        message: 'Video generation is still in progress. Try again in a few seconds.',
      },
    };
    const task = await slow.table.findExternal('img2video', '', id);
    expect(await result(id, slow)).toMatchObject(inProgress);
    await held.running(task?.id ?? '');
    expect(await result(id, slow)).toMatchObject(inProgress);
    held.release(task?.id ?? '');
    await slow.ended(task?.id ?? '');
    for (let i = 0; i < 2; i++) {
      const { status, body } = await result(id, slow);
      expect([status, body]).toEqual([
        200,
        {
          status: 'complete',
          video_url: `/processed_videos/video_${id.slice(0, 8)}_12345.mp4`,
          finish_reason: 'SUCCESS',
          seed: '12345',
          dimensions: '768x768',
        },
      ]);
    }
    await slow.close();
  });

  test('of a failed generation says why', async () => {
    const failing = await startService({
      make: () => Promise.reject(new PipelineError('out_of_memory', 'The device ran out of memory')),
    });
    const { id } = (await submit(form(), failing)).body;
    await failing.ended((await failing.table.findExternal('img2video', '', id))?.id ?? '');
    const { status, body } = await result(id, failing);
    expect([status, body]).toEqual([500, { error: 'The device ran out of memory', status: 'error' }]);
    await failing.close();
  });

  test.each(['0'.repeat(64), 'x', '..%2f..', '0'.repeat(32), 'A'.repeat(64)])(
    'of %s is a 404',
    async (id) => {
      const { status, body } = await result(id);
      expect([status, body]).toEqual([404, { error: expect.stringMatching(/not found/), status: 'error' }]);
    },
  );

  test('of a task of another API is a 404', async () => {
    const { body } = await service.call('POST', '/tasks', { prompt: 'a fox' });
    expect((await result(body.id)).status).toBe(404);
  });

  test('is kept as long as configured, and a 404 from then on', async () => {
    const before = Date.now();
    const id = await generate();
    const task = await service.table.findExternal('img2video', '', id);
    const day = 24 * 60 * 60 * 1000;
    expect(task?.expiresAt).toBeGreaterThanOrEqual(before + day);
    expect(task?.expiresAt).toBeLessThanOrEqual(Date.now() + day);
    const { video_url } = (await result(id)).body;
    jest.spyOn(Date, 'now').mockReturnValue(task?.expiresAt ?? 0);
    expect((await result(id)).status).toBe(404);
    expect((await service.call('GET', video_url)).body).toEqual({ error: 'Video not found' });
    jest.restoreAllMocks();
    expect((await result(id)).status).toBe(200);
    const week = await startService({ env: { IMG2VIDEO_KEEP_HOURS: '168' } });
    const { body } = await submit(form(), week);
    const longer = await week.table.findExternal('img2video', '', body.id);
    expect(longer?.expiresAt).toBeGreaterThan(Date.now() + 6.9 * day);
    await week.close();
  });
});

describe('the seed', () => {
  test('of a random video makes that video again', async () => {
    const random = (await result(await generate({ seed: '0' }))).body.seed;
    const drawn = service.jobs.at(-1)?.params.seed;
    expect(Number(random)).toBeGreaterThan(0);
    expect(drawn).toBe(Number(random));
    await generate({ seed: random });
    expect(service.jobs.at(-1)?.params.seed).toBe(drawn);
    expect((await result(await generate({ seed: '' }))).body.seed).not.toBe(random);
  });

  test('beyond ours is told as it was given', async () => {
    const id = await generate({ seed: '4294967294' });
    expect((await result(id)).body).toMatchObject({
      seed: '4294967294',
      video_url: `/processed_videos/video_${id.slice(0, 8)}_4294967294.mp4`,
    });
    expect(service.jobs.at(-1)?.params.seed).toBe(4294967294 % (1e9 + 1));
  });
});

describe('the video', () => {
  let address: string;
  beforeAll(async () => {
    address = (await result(await generate({ seed: '8' }))).body.video_url;
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}${path}`, { headers });

  test('is served whole, in ranges and to HEAD', async () => {
    const whole = await get(address);
    expect(whole.headers.get('content-type')).toBe('video/mp4');
    expect(whole.headers.get('content-disposition')).toBe(`inline; filename=${address.split('/')[2]}`);
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(VIDEO);
    const part = await get(address, { range: 'bytes=2-4' });
    expect([part.status, await part.text()]).toEqual([206, '234']);
    const head = await fetch(`${service.url}${address}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(VIDEO.length)]);
  });

  test('of another seed, of no generation or of none such is a 404', async () => {
    for (const name of [
      'video_00000000_8.mp4',
      address.split('/')[2].replace('_8.', '_9.'),
      'video.mp4',
      '..%2f..%2ftasks.db',
    ]) {
      const response = await get(`/processed_videos/${name}`);
      expect([response.status, await response.json()]).toEqual([404, { error: 'Video not found' }]);
    }
  });

  test('is that of its own generation where the beginning of another’s id is the same', async () => {
    const first = await service.table.findExternal('img2video', '', await generate({ seed: '21' }));
    if (!first?.origin.externalId) throw new Error('There is no generation');
    const externalId = first.origin.externalId.slice(0, 8) + '0'.repeat(56);
    const request = { ...first.origin.request, seed: 22 };
    await service.table.create({
      ...first,
      id: 'f'.repeat(32),
      origin: { ...first.origin, externalId, request },
    });
    const name = first.origin.externalId.slice(0, 8);
    expect((await get(`/processed_videos/video_${name}_21.mp4`)).status).toBe(200);
    expect((await get(`/processed_videos/video_${name}_22.mp4`)).status).toBe(404); // not made yet
  });
});
