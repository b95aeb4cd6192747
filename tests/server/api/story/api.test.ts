import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { PipelineError } from '../../../../pipeline/errors.js';
import { WorkerPool } from '../../../../pipeline/worker-pool.js';
import type { TaskJson } from '../../../../server/api/task-json.js';
import { ServiceError } from '../../../../server/errors.js';
import type { TaskSource } from '../../../../server/tasks/task.js';
import { makeStory, startService, VIDEO, withResolvers, type TestService } from '../../support.js';

/** The request of the story API's own documentation. */
const STORY = {
  scenes: ['walking through a forest', 'finding a glowing crystal', 'the crystal lights up the night'],
  hero_description: 'A young explorer with a red scarf, detailed illustration, warm light',
  num_inference_steps: 25,
  duration_per_scene: 3.0,
  fps: 24,
  width: 512,
  height: 512,
  transition_frames: 12,
};
const TWO = { scenes: ['a', 'b'] };

let png: Buffer;
let service: TestService;
const prompts: string[] = [];
const seeds: number[] = [];
beforeAll(async () => {
  png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  service = await startService({
    obtain: (source, { seed }) => {
      prompts.push((source as TaskSource & { type: 'prompt' }).prompt);
      seeds.push(seed);
      return Promise.resolve({ png, placeholder: false });
    },
  });
});
afterEach(() => {
  prompts.length = 0;
  seeds.length = 0;
});
afterAll(() => service.close());

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const newest = async (): Promise<TaskJson> =>
  ((await service.call('GET', '/tasks?limit=1')).body as { tasks: TaskJson[] }).tasks[0];

describe('POST /generate', () => {
  test('answers with the picture of the prompt as a PNG file', async () => {
    const response = await post('/generate', { prompt: 'a lighthouse', num_inference_steps: 30 });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename="[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.png"$/,
    );
    expect(Buffer.from(await response.arrayBuffer())).toEqual(png);
    expect(prompts).toEqual(['a lighthouse']);
  });

  test('with return_base64 answers with JSON, its fields in the original’s order', async () => {
    const response = await post('/generate', {
      prompt: 'a lighthouse',
      num_inference_steps: 30,
      return_base64: true,
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      `{"success":true,"prompt":"a lighthouse","steps":30,"image_base64":"${png.toString('base64')}","format":"png"}`,
    );
    const left = await service.call('POST', '/generate', { prompt: 'x', return_base64: true });
    expect(left.body.steps).toBe(25);
  });

  test('leaves a task with a picture that can be downloaded, and a warning about steps that nobody takes', async () => {
    await post('/generate', { prompt: 'a lighthouse', num_inference_steps: 30, seed: 5 });
    const task = await newest();
    expect(task).toMatchObject({
      kind: 'picture',
      api: 'story',
      status: 'completed',
      source: { type: 'prompt', prompt: 'a lighthouse' },
      params: { W: 512, H: 512, seed: 5 },
      progress: 1,
      video_url: null,
      videos: [],
      picture_url: `/download/picture/${task.id}`,
      thumbnail_url: `/download/picture/${task.id}`,
      warnings: [expect.stringMatching(/^num_inference_steps has no effect/)],
    });
    const file = await fetch(`${service.url}${task.picture_url}`);
    expect(file.headers.get('content-disposition')).toBe(`attachment; filename=${task.id}.png`);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(png);
    expect((await fetch(`${service.url}/download/video/${task.id}`)).status).toBe(404);
    await post('/generate', { prompt: 'a lighthouse' });
    expect((await newest()).warnings).toEqual([]);
  });
});

describe('POST /generate-video', () => {
  test('answers with the video and says how long it is', async () => {
    const response = await post('/generate-video', STORY);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-disposition': expect.stringMatching(
        /^attachment; filename="video_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.mp4"$/,
      ),
      'x-video-scenes': '3',
      'x-video-duration': '10.0',
      'x-video-fps': '24',
      'x-hero-used': 'true',
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(VIDEO);
  });

  test('puts the hero before every scene, and each scene has a seed of its own', async () => {
    await post('/generate-video', { ...STORY, seed: 40 });
    expect([...prompts].sort()).toEqual(
      STORY.scenes.map((scene) => `${STORY.hero_description}, ${scene}`).sort(),
    );
    expect([...seeds].sort()).toEqual([40, 41, 42]);
    for (const hero_description of ['', '  ', undefined]) {
      prompts.length = 0;
      const response = await post('/generate-video', { ...TWO, hero_description });
      expect(response.headers.get('x-hero-used')).toBe('false');
      expect([...prompts].sort()).toEqual(['a', 'b']);
    }
  });

  test('defaults are those of the documentation', async () => {
    const response = await post('/generate-video', TWO);
    expect(response.headers.get('x-video-duration')).toBe('6.5');
    const job = service.stories.at(-1);
    expect(job?.params).toMatchObject({ W: 512, H: 512, fps: 24, frames_per_scene: 72, transition_frames: 12, clip: null }); // prettier-ignore
    expect(job?.pictures).toHaveLength(2);
  });

  test('is a task like every other', async () => {
    await post('/generate-video', { ...STORY, seed: 9 });
    const task = await newest();
    expect(task).toMatchObject({
      kind: 'story',
      api: 'story',
      status: 'completed',
      progress: 1,
      step: 240,
      steps: 240,
      source: { type: 'story', scenes: STORY.scenes.map((scene) => `${STORY.hero_description}, ${scene}`) },
      params: { W: 512, H: 512, fps: 24, seed: 9, frames_per_scene: 72, transition_frames: 12, clip: null },
      videos: [{ seed: 9, frames: 240, bytes: VIDEO.length }],
      video_url: `/download/video/${task.id}`,
      picture_url: null,
      warnings: [expect.stringMatching(/num_inference_steps has no effect/)],
    });
    const video = await fetch(`${service.url}${task.video_url}`);
    expect(Buffer.from(await video.arrayBuffer())).toEqual(VIDEO);
    expect((await service.call('GET', `/status?id=${task.id}`)).body).toMatchObject({ id: task.id });
  });

  test('animate: true gives the worker the clip of the loaded model that fills a scene', async () => {
    await post('/generate-video', { ...STORY, animate: true, num_inference_steps: 12 });
    expect(service.stories.at(-1)?.params.clip).toMatchObject({ W: 512, H: 512, T: 72, fps: 24, steps: 12 });
    expect((await newest()).warnings).toEqual([]);
    await post('/generate-video', { ...TWO, animate: true });
    expect(service.stories.at(-1)?.params.clip).toMatchObject({ steps: 7 }); // the model's own
  });

  test('numbers and flags may come as text, and unknown fields are ignored', async () => {
    const response = await post('/generate-video', { ...TWO, fps: '30', duration_per_scene: '0.5', animate: 'no', x: 1 }); // prettier-ignore
    expect(response.headers.get('x-video-fps')).toBe('30');
    expect(response.headers.get('x-video-duration')).toBe('1.4');
  });
});

describe('a client that does not wait', () => {
  test.each([
    ['Prefer: respond-async', {}, { prefer: 'respond-async' }],
    ['async: true', { async: true }, {}],
  ])('with %s gets the task at once', async (_, field, headers: Record<string, string>) => {
    for (const [path, body] of [
      ['/generate', { prompt: 'a' }],
      ['/generate-video', TWO],
    ] as const) {
      const response = await post(path, { ...body, ...field }, headers);
      expect(response.status).toBe(202);
      const task = (await response.json()) as TaskJson;
      expect(response.headers.get('location')).toBe(`/tasks/${task.id}`);
      expect(task).toMatchObject({ api: 'story', status: 'queued', urls: { get: `/tasks/${task.id}` } });
      expect((await service.ended(task.id)).status).toBe('completed');
    }
  });

  test('the same Idempotency-Key leads to the same task', async () => {
    const headers = { 'idempotency-key': 'story-1' };
    const [first, second] = [
      await post('/generate-video', TWO, headers),
      await post('/generate-video', TWO, headers),
    ];
    expect(second.headers.get('content-disposition')).toBe(first.headers.get('content-disposition'));
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect((await post('/generate-video', STORY, headers)).status).toBe(422);
    const picture = { prompt: 'a fox' };
    expect((await post('/tasks', picture, { 'idempotency-key': 'fox' })).status).toBe(201);
    const elsewhere = await post('/generate', picture, { 'idempotency-key': 'fox' });
    expect([elsewhere.status, await elsewhere.json()]).toEqual([422, { detail: expect.stringMatching(/sent before/) }]); // prettier-ignore
  });

  test('when the time is up is told where to poll, and the task goes on', async () => {
    const held = withResolvers();
    const slow = await startService({
      env: { SYNC_SECONDS: '1', BASE_URL: 'https://clips.example' },
      makeStory: async (job) => (await held.promise, makeStory(job)),
    });
    try {
      const { status, body } = await slow.call('POST', '/generate-video', TWO);
      expect(status).toBe(504);
      expect(body).toEqual({
        detail: expect.stringMatching(/^Not finished after 1 s/),
        task_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        status_url: `https://clips.example/tasks/${body.task_id}`,
      });
      held.resolve();
      expect((await slow.ended(body.task_id)).status).toBe('completed');
    } finally {
      await slow.close();
    }
  });
});

describe('POST /generate-video/info', () => {
  test('answers with the arithmetic, byte for byte as the original, and makes nothing', async () => {
    const before = (await service.call('GET', '/tasks')).body.total;
    const response = await post('/generate-video/info', STORY);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.text()).toBe(
      '{"scenes_count":3,"frames_per_scene":72,"transition_frames":12,"total_frames":240,"total_duration_seconds":10.0,' +
        '"fps":24,"resolution":"512x512","estimated_generation_time_seconds":15}',
    );
    expect((await service.call('GET', '/tasks')).body.total).toBe(before);
  });

  test.each([
    [3, 3.0, 24, 12, 72, 240, '10.0', 15],
    [3, 4.0, 30, 12, 120, 384, '12.8', 15],
    [3, 5.0, 24, 15, 120, 390, '16.25', 15],
    [5, 4.0, 30, 12, 120, 648, '21.6', 25],
    [2, 0.29, 100, 0, 28, 56, '0.56', 10],
  ])(
    '%d scenes of %d s at %d fps with transitions of %d',
    async (n, duration, fps, transition, perScene, total, seconds, estimate) => {
      const body = {
        scenes: Array.from({ length: n }, (_, i) => `scene ${i}`),
        duration_per_scene: duration,
        fps,
        transition_frames: transition,
      };
      const text = await (await post('/generate-video/info', body)).text();
      expect(JSON.parse(text)).toMatchObject({
        scenes_count: n,
        frames_per_scene: perScene,
        total_frames: total,
        estimated_generation_time_seconds: estimate,
      });
      expect(text).toContain(`"total_duration_seconds":${seconds},`);
      const video = await post('/generate-video', { ...body, width: 64, height: 64 });
      expect(video.headers.get('x-video-duration')).toBe(seconds);
      expect((await newest()).videos[0].frames).toBe(total);
    },
  );
});

describe('what cannot be done', () => {
  const both = ['/generate-video', '/generate-video/info'];

  test.each(both)('%s with fewer than two scenes is a 400', async (path) => {
    for (const scenes of [[], ['one']]) {
      expect(await service.call('POST', path, { scenes })).toMatchObject({
        status: 400,
        body: { detail: 'At least 2 scenes required' },
      });
    }
  });

  const fault = (type: string, field: string, more = {}) => ({ type, loc: ['body', field], ...more });
  test.each<[string, unknown, object]>([
    ['a missing field', {}, fault('missing', 'scenes', { msg: 'Field required', input: {} })],
    ['a text for a list', { scenes: 'a, b' }, fault('list_type', 'scenes', { input: 'a, b' })],
    ['a number for a text', { scenes: ['a', 5] }, { type: 'string_type', loc: ['body', 'scenes', 1], input: 5 }],
    ['a blank scene', { scenes: ['a', ' '] }, { type: 'value_error', loc: ['body', 'scenes', 1] }],
    ['null', { ...TWO, fps: null }, fault('int_type', 'fps', { input: null })],
    ['words for a number', { ...TWO, fps: 'fast' }, fault('int_parsing', 'fps', { input: 'fast' })],
    ['a part of a frame', { ...TWO, fps: 23.976 }, fault('int_from_float', 'fps')],
    ['no frame a second', { ...TWO, fps: 0 }, fault('greater_than_equal', 'fps', { ctx: { ge: 1 } })],
    ['too many frames a second', { ...TWO, fps: 241 }, fault('less_than_equal', 'fps', { ctx: { le: 240 } })],
    ['no time', { ...TWO, duration_per_scene: 0 }, fault('greater_than', 'duration_per_scene', { ctx: { gt: 0 } })],
    ['a list for a number', { ...TWO, duration_per_scene: [3] }, fault('float_type', 'duration_per_scene')],
    ['no whole frame', { ...TWO, duration_per_scene: 0.04 }, fault('value_error', 'duration_per_scene')],
    ['too many frames', { ...TWO, duration_per_scene: 3600 }, fault('value_error', 'duration_per_scene')],
    ['a negative transition', { ...TWO, transition_frames: -1 }, fault('greater_than_equal', 'transition_frames')],
    ['an odd size', { ...TWO, width: 513 }, fault('multiple_of', 'width', { ctx: { multiple_of: 2 } })],
    ['a huge size', { ...TWO, height: 1e9 }, fault('less_than_equal', 'height', { ctx: { le: 2048 } })],
    ['a flag of another kind', { ...TWO, animate: 'perhaps' }, fault('bool_parsing', 'animate')],
    ['a hero that is no text', { ...TWO, hero_description: 7 }, fault('string_type', 'hero_description')],
    ['a long hero', { ...TWO, hero_description: 'x'.repeat(8193) }, fault('string_too_long', 'hero_description', { input: '(too long to be repeated)' })],
    ['a hero that makes scenes too long', { ...TWO, hero_description: 'x'.repeat(8192) }, { type: 'value_error', loc: ['body', 'scenes', 0] }],
    ['too many scenes', { scenes: Array(21).fill('a') }, fault('too_long', 'scenes', { ctx: { field_type: 'List', max_length: 20, actual_length: 21 } })],
    ['a list for the whole', [], { loc: ['body'] }],
    ['a number for the whole', '5', { type: 'model_attributes_type', loc: ['body'], input: 5 }],
    ['no JSON', '{"scenes": [', { type: 'json_invalid', msg: 'JSON decode error' }],
    ['nothing', '', { type: 'missing', loc: ['body'], input: null }],
  ])('%s is a 422 on both routes', async (_, body, expected) => {
    for (const path of both) {
      const response = await post(path, body);
      expect(response.status).toBe(422);
      expect(await response.json()).toEqual({ detail: [expect.objectContaining(expected)] });
    }
  }); // prettier-ignore

  test('every fault of a request is told', async () => {
    const { body } = await service.call('POST', '/generate-video', { scenes: 1, fps: 'x', width: 2 });
    expect(body.detail.map(({ loc }: { loc: string[] }) => loc[1])).toEqual(['scenes', 'fps', 'width']);
  });

  test.each([
    [{}, 'missing', 'prompt'],
    [{ prompt: '' }, 'value_error', 'prompt'],
    [{ prompt: ['a'] }, 'string_type', 'prompt'],
    [{ prompt: 'a', num_inference_steps: 0 }, 'greater_than_equal', 'num_inference_steps'],
    [{ prompt: 'a', return_base64: {} }, 'bool_type', 'return_base64'],
  ])('POST /generate with %j is a 422', async (body, type, field) => {
    expect(await service.call('POST', '/generate', body)).toMatchObject({
      status: 422,
      body: { detail: [{ type, loc: ['body', field] }] },
    });
  });

  test('a size at which the model cannot animate is told by the client’s own names', async () => {
    const { status, body } = await service.call('POST', '/generate-video', { ...TWO, animate: true, width: 514 });
    expect(status).toBe(422);
    expect(body.detail).toEqual([
      expect.objectContaining({ loc: ['body', 'width'], msg: expect.stringMatching(/multiple of 8/), input: 514 }),
    ]);
  }); // prettier-ignore

  test('a huge or deeply nested body, another type, another method and an unknown address keep the form', async () => {
    const huge = await post('/generate-video', { scenes: ['x'.repeat(2_000_000), 'b'] });
    expect([huge.status, await huge.json()]).toEqual([413, { detail: expect.stringMatching(/larger than allowed/) }]); // prettier-ignore
    const deep = await post('/generate-video', `{"scenes":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(deep.status).toBe(422);
    const text = await post('/generate', 'prompt=a', { 'content-type': 'text/plain' });
    expect(text.status).toBe(422);
    const form = await post('/generate', 'prompt=a', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(await form.json()).toMatchObject({ detail: [{ type: 'model_attributes_type' }] });
    expect(await service.call('GET', '/generate-video')).toMatchObject({
      status: 405,
      body: { detail: 'Method Not Allowed' },
    });
    expect((await service.call('GET', '/nothing')).body.error).toBe('Not found');
  });

  test('a failed task is a 500 with its reason', async () => {
    const broken = await startService({
      obtain: (source) =>
        source.type === 'prompt' && source.prompt === 'bad'
          ? Promise.reject(
              new ServiceError(502, 'provider_rejected_prompt', 'The provider refuses the prompt'),
            )
          : Promise.resolve({ png, placeholder: false }),
      makeStory: () => Promise.reject(new PipelineError('encode_failed', 'ffmpeg exited with code 1.')),
    });
    try {
      expect(await broken.call('POST', '/generate', { prompt: 'bad' })).toMatchObject({
        status: 500,
        body: { detail: 'Generation failed: The provider refuses the prompt' },
      });
      const refused = await broken.call('POST', '/generate-video', { scenes: ['good', 'bad'] });
      expect(refused).toMatchObject({
        status: 500,
        body: { detail: 'Video generation failed: Scene 2: The provider refuses the prompt' },
      });
      const [{ error }] = (await broken.call('GET', '/status?limit=1')).body;
      expect(error.code).toBe('provider_rejected_prompt');
      expect((await broken.call('POST', '/generate-video', TWO)).body).toEqual({
        detail: 'Video generation failed: ffmpeg exited with code 1.',
      });
    } finally {
      await broken.close();
    }
  });

  test('without a worker that can be used there are pictures, but no videos', async () => {
    const none = await startService({ workers: new WorkerPool([]) });
    try {
      expect(await none.call('POST', '/generate-video', TWO)).toMatchObject({
        status: 503,
        body: { detail: 'Model not loaded yet' },
      });
      expect((await none.call('POST', '/generate-video/info', TWO)).status).toBe(200);
      expect((await none.call('POST', '/generate', { prompt: 'a', return_base64: true })).status).toBe(200);
    } finally {
      await none.close();
    }
  });
});

describe('GET / and GET /health', () => {
  test('say in one body what the clients of every API look for', async () => {
    expect((await service.call('GET', '/')).body).toMatchObject({
      status: 'running',
      device: 'not set',
      model: 'test',
      message: 'Image-to-Video API',
      docs: '/docs',
      docs_url: '/docs',
      openapi_url: '/openapi.json',
      endpoints: {
        generate_image: '/generate',
        generate_video: '/generate-video',
        video_info: '/generate-video/info',
        animate: '/gpu/animate',
      },
    });
    expect((await service.call('GET', '/health')).body).toMatchObject({
      status: 'healthy',
      model_loaded: false,
      device: 'not set',
      workers: [{ state: 'starting', device: null }],
    });
  });
});
