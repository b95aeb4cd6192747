import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { readConfig } from '../../../../server/config.js';
import { createPictureObtainer } from '../../../../server/images/obtain.js';
import { createPictureProvider } from '../../../../server/images/providers/create-provider.js';
import { localPictureWork } from '../../../../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../../../../server/images/picture.js';
import type { TaskView } from '../../../../server/tasks/view.js';
import { startService, VIDEO, type TestService } from '../../support.js';
import { startMidjourneyProxy } from './fake-midjourney-proxy.js';
import { CUT, describePicture, startPictureHost, UPSCALED } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { instantClock, KEY } from './support.js';

let pictures: FakeServer;
let api: FakeServer;
let service: TestService;
let logged: string[];
/** What the worker was given as its picture. */
let animated: string[];

beforeEach(async () => {
  pictures = await startPictureHost();
  api = await startMidjourneyProxy(pictures.url);
  logged = [];
  animated = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(line) });
  const env = {
    IMAGE_PROVIDER: 'midjourney-proxy',
    IMAGE_PROVIDER_URL: api.url,
    IMAGE_PROVIDER_KEY: KEY,
    IMAGE_PROVIDER_ALLOW_ORIGINS: pictures.url,
    IMAGE_PROVIDER_POLL_SECONDS: '0.1',
  };
  const provider = createPictureProvider(readConfig(env).imageProvider, {
    limits: PICTURE_LIMITS,
    work: localPictureWork,
    clock: instantClock(),
    onRetry: (event) => log.warn(event, 'the image provider is asked again'),
  });
  service = await startService({
    env,
    log,
    pictures: createPictureObtainer({
      provider,
      download: () => Promise.reject(new Error('A prompt is no address')),
      limits: PICTURE_LIMITS,
      work: localPictureWork,
    }),
    make: async ({ picture, folder, params }) => {
      animated.push(await describePicture(await readFile(picture)));
      await writeFile(`${folder}/v.mp4`, VIDEO);
      await writeFile(`${folder}/t.png`, 'png');
      const video = { file: 'v.mp4', thumbnail: 't.png', seed: params.seed, frames: 1, bytes: VIDEO.length };
      const milliseconds = { encode: 1, sample: 1, decode: 1, write: 1 };
      return { videos: [video], warnings: [], evaluations: { full: 1, shallow: 0 }, milliseconds };
    },
  });
});
afterEach(async () => {
  await service.close();
  await api.close();
  await pictures.close();
});

const post = async (fields: Record<string, unknown>): Promise<{ status: number; body: TaskView }> => {
  const response = await fetch(`${service.url}/img2vid`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  });
  return { status: response.status, body: (await response.json()) as TaskView };
};

describe('a prompt, the provider and a clip', () => {
  test('the task answers at once, shows the provider’s progress, and completes with the picture chosen', async () => {
    const seen: number[] = [];
    const { status, body } = await post({ prompt: 'a fox', image_index: '3', W: 512, H: 288 });
    expect([status, body.status]).toEqual([200, 'queued']);
    service.table.on('change', (id) => {
      void service.table.get(id).then((task) => task?.stage === 'image' && seen.push(task.progress));
    });
    const done = await service.ended(body.id);
    expect(done).toMatchObject({
      status: 'completed',
      source: { type: 'prompt', prompt: 'a fox', image_index: 3 },
      warnings: [],
      error: null,
    });
    expect(done.source).not.toHaveProperty('placeholder');
    expect(animated).toEqual([`blue ${UPSCALED}`]);
    expect(api.of('submit')[0].body.prompt).toBe('a fox --ar 16:9');
    expect(new Set(seen).size).toBeGreaterThan(3);
    const video = await fetch(`${service.url}${String(done.video_url)}`);
    expect(Buffer.from(await video.arrayBuffer())).toEqual(VIDEO);
  });

  test('without a choice the task names the picture that its seed stands for', async () => {
    const { body } = await post({ prompt: 'a fox', seed: 5 });
    expect(body.source).toEqual({ type: 'prompt', prompt: 'a fox', image_index: 2 });
    await service.ended(body.id);
    expect(animated).toEqual([`lime ${UPSCALED}`]);
  });

  test('a picture that was cut from the grid is told of in the warnings', async () => {
    api.faultForever('upscale', { status: 404, body: '' });
    const { body } = await post({ prompt: 'a fox', image_index: 3 });
    const done = await service.ended(body.id);
    expect(done).toMatchObject({
      status: 'completed',
      warnings: ['Picture 3 was cut from the provider’s grid of four'],
    });
    expect(animated).toEqual([`blue ${CUT}`]);
  });

  test('a prompt that is refused ends the task with the code; no clip is made', async () => {
    const properties = { bannedWord: 'gore', promptEn: KEY };
    api.faultForever('submit', { json: { code: 24, description: `banned ${KEY}`, properties } });
    const { body } = await post({ prompt: 'gore' });
    const ended = await service.ended(body.id);
    expect(ended).toMatchObject({
      status: 'error',
      stage: 'image',
      error: { code: 'provider_rejected_prompt' },
    });
    expect(service.jobs).toEqual([]);
    expect(logged.join()).toContain('provider_rejected_prompt');
    expect(logged.join() + JSON.stringify(ended)).not.toContain(KEY);
  });

  test('failures and retries are logged without the key, and without what the provider says', async () => {
    api.fault('submit', 'drop', { status: 500, body: KEY });
    api.fault('submit', { status: 401, body: `your key ${KEY}` });
    const { body } = await post({ prompt: 'a fox' });
    expect((await service.ended(body.id)).error?.code).toBe('provider_auth');
    expect(logged.filter((line) => line.includes('asked again'))).toHaveLength(2);
    expect(logged.join()).not.toContain(KEY);
  });

  test('a stop while the provider works puts the task back into the queue', async () => {
    api.faultForever('poll', { json: { id: 'x', status: 'IN_PROGRESS', progress: '5%' } });
    const { body } = await post({ prompt: 'a fox' });
    await new Promise<void>((resolve) =>
      api.server.on('request', ({ url }) => url?.includes('fetch') && resolve()),
    );
    await service.runner.close(0);
    expect((await service.table.get(body.id))?.status).toBe('queued');
  });
});

describe('image_index', () => {
  test.each([0, 5, 1.5, 'two', true, [1], '1e0'])('%j is a 400 that names it', async (image_index) => {
    const { status, body } = await post({ prompt: 'a fox', image_index });
    expect(status).toBe(400);
    expect(body).toMatchObject({ field: 'image_index', allowed: 'an integer from 1 to 4' });
  });

  test.each(['', null])('%j counts as not given', async (image_index) => {
    const { body } = await post({ prompt: 'a fox', image_index, seed: 0 });
    expect(body.source).toMatchObject({ image_index: 1 });
  });

  test('has a warning where it has no effect: without a prompt, and with a source of one picture', async () => {
    const { body } = await post({ image_url: 'http://a.example/b.png', image_index: 2 });
    expect(body.warnings).toEqual([expect.stringMatching(/^image_index has no effect/)]);
    expect(body.source).not.toHaveProperty('image_index');
    const plain = await startService();
    const response = await fetch(`${plain.url}/img2vid`, {
      method: 'POST',
      body: new URLSearchParams({ prompt: 'a fox', image_index: '2' }),
    });
    const task = (await response.json()) as TaskView;
    await plain.close();
    expect(task.warnings).toEqual([expect.stringMatching(/^image_index has no effect/)]);
    expect(task.source).toEqual({ type: 'prompt', prompt: 'a fox' });
  });
});
