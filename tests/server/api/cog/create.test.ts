import { afterEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:http';
import { PipelineError } from '../../../../pipeline/errors.js';
import { predictionSchema } from '../../../../server/api/cog/prediction.js';
import { notFound } from '../../../../server/errors.js';
import { holdClips, makeClip, startService, VIDEO, type TestService } from '../../support.js';
import { DOCUMENTED, image, send } from './support.js';

const VIDEO_URL = `data:video/mp4;base64,${VIDEO.toString('base64')}`;
const ASYNC = { prefer: 'respond-async' };

const open: TestService[] = [];
afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});
const serve = async (options: Parameters<typeof startService>[0] = {}): Promise<TestService> => {
  const service = await startService(options);
  open.push(service);
  return service;
};
const taskIds = async ({ table }: TestService): Promise<string[]> =>
  (await table.list({ limit: 10 })).map(({ id }) => id);

describe('a prediction that is waited for', () => {
  test('the documented request is answered with every field of the container’s body and the video', async () => {
    const service = await serve();
    const { status, body } = await send(service, 'POST', '/predictions', DOCUMENTED);
    expect(status).toBe(200);
    const [id] = await taskIds(service);
    expect(predictionSchema.strict().parse(body)).toEqual({
      id,
      model: 'test',
      version: null,
      status: 'succeeded',
      input: {
        image: 'data:image/jpeg;base64,…',
        width: 576,
        height: 1024,
        num_frames: 25,
        cache_interval: 3,
        cache_branch_id: 3,
        enable_deepcache: true,
        decode_chunk_size: 8,
        num_inference_steps: 50,
      },
      output: [VIDEO_URL],
      logs: expect.stringMatching(
        /enable_deepcache, .* have no effect: .* uncached\n100%\|█{10}\| 50\/50\n$/,
      ),
      error: null,
      metrics: { predict_time: expect.any(Number), total_time: expect.any(Number) },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      started_at: expect.stringMatching(/Z$/),
      completed_at: expect.stringMatching(/Z$/),
      source: 'api',
      data_removed: false,
      urls: { get: `/predictions/${id}`, cancel: `/predictions/${id}/cancel` },
    });
    expect(service.jobs[0].params).toMatchObject({ W: 576, H: 1024, T: 25, steps: 50, decoding_t: 8 });
  });

  test('several variations are one video each', async () => {
    const service = await serve();
    const { body } = await service.call('POST', '/predictions', { input: { image, num_cols: 3 } });
    expect(body.output).toEqual([VIDEO_URL, VIDEO_URL, VIDEO_URL]);
  });

  test('videos that are too large for an answer are linked to', async () => {
    const service = await serve({
      env: { BASE_URL: 'https://clips.example' },
      make: async (job) => {
        const clip = await makeClip(job);
        return { ...clip, videos: clip.videos.map((video) => ({ ...video, bytes: 33 * 2 ** 20 })) };
      },
    });
    const one = await service.call('POST', '/predictions', { input: { image } });
    expect(one.body.output).toEqual([VIDEO_URL]);
    const { body } = await service.call('POST', '/predictions', { input: { image, num_cols: 2 } });
    const link = `https://clips.example/download/video/${body.id}`;
    expect(body.output).toEqual([link, `${link}?index=1`]);
  });

  test('a model that fails is a 200 that says so', async () => {
    const service = await serve({
      make: () => Promise.reject(new PipelineError('not_finite', 'It blew up')),
    });
    const { status, body } = await service.call('POST', '/predictions', { input: { image } });
    expect([status, body.status, body.error, body.output]).toEqual([200, 'failed', 'It blew up', null]);
    expect(body.logs).toContain('ended: not_finite');
  });

  test('an address that leads to no picture fails the prediction', async () => {
    const service = await serve({
      obtain: () => Promise.reject(notFound('Error retrieving image: HTTP 404')),
    });
    const input = { image: 'https://pictures.example/none.png' };
    const { status, body } = await service.call('POST', '/predictions', { input });
    expect([status, body.status, body.error]).toEqual([200, 'failed', 'Error retrieving image: HTTP 404']);
    expect(body.input).toEqual(input);
  });

  test('when the time is up the answer is a 504 that says where to poll, and the prediction goes on', async () => {
    const held = holdClips();
    const service = await serve({ make: held.make, env: { SYNC_SECONDS: '1' } });
    const { status, body } = await service.call('POST', '/predictions', { input: { image } });
    expect([status, body]).toEqual([
      504,
      {
        detail: expect.stringContaining(body.urls.get),
        id: body.id,
        status: 'processing',
        urls: { get: `/predictions/${body.id}`, cancel: `/predictions/${body.id}/cancel` },
      },
    ]);
    held.release(body.id);
    await service.ended(body.id);
    const found = await service.call('GET', body.urls.get);
    expect(found.body).toMatchObject({ id: body.id, status: 'succeeded', output: [VIDEO_URL] });
  });

  test('a client that goes away finds the result later', async () => {
    const held = holdClips();
    const service = await serve({ make: held.make });
    const call = request(`${service.url}/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    call.on('error', () => undefined);
    call.end(JSON.stringify({ id: 'mine', input: { image } }));
    await new Promise((resolve) => service.table.once('change', resolve));
    const [id] = await taskIds(service);
    await held.running(id);
    const gone = new Promise((resolve) => call.once('close', resolve));
    call.destroy();
    await gone;
    held.release(id);
    await service.ended(id);
    const { body } = await service.call('GET', '/predictions/mine');
    expect(body).toMatchObject({ id: 'mine', status: 'succeeded', output: [VIDEO_URL] });
  });

  test('created_at is the client’s where it gives one', async () => {
    const service = await serve();
    const created_at = '2024-01-05T10:00:00.123456+00:00';
    const { body } = await service.call('POST', '/predictions', { created_at, input: { image } });
    expect(body.created_at).toBe(created_at);
  });
});

describe('with Prefer', () => {
  test('respond-async is answered at once', async () => {
    const held = holdClips();
    const service = await serve({ make: held.make });
    const { status, body } = await service.call('POST', '/predictions', { input: { image } }, ASYNC);
    expect([status, body.status, body.output, body.completed_at]).toEqual([202, 'starting', null, null]);
    await held.running(body.id);
    const running = await service.call('GET', `/predictions/${body.id}`);
    expect(running.body).toMatchObject({ status: 'processing', metrics: {}, output: null });
    expect(running.body.logs).toContain('stage: sample\n 25%|██        | 1/4\n');
    held.release(body.id);
  });

  test('wait that comes too short is a 202 with `starting`, whatever the prediction does by then', async () => {
    const held = holdClips();
    const service = await serve({ make: held.make });
    const answer = service.call('POST', '/predictions', { input: { image } }, { prefer: 'wait=1' });
    await new Promise((resolve) => service.table.once('change', resolve));
    const [id] = await taskIds(service);
    await held.running(id);
    expect(await answer).toMatchObject({ status: 202, body: { id, status: 'starting', output: null } });
    held.release(id);
  });

  test('wait that is long enough is a 201 with the video', async () => {
    const service = await serve();
    const answer = await service.call('POST', '/predictions', { input: { image } }, { prefer: 'wait' });
    expect(answer).toMatchObject({ status: 201, body: { status: 'succeeded', output: [VIDEO_URL] } });
  });
});

describe('PUT', () => {
  test('the same id makes one prediction, also at the same time', async () => {
    const held = holdClips();
    const service = await serve({ make: held.make });
    const put = () => service.call('PUT', '/predictions/a', { input: { image } }, ASYNC);
    const answers = await Promise.all([put(), put(), put()]);
    expect(answers.map(({ status, body }): unknown[] => [status, body.id])).toEqual(
      [0, 1, 2].map(() => [202, 'a']),
    );
    const [id, ...others] = await taskIds(service);
    expect(others).toEqual([]);
    await held.running(id);
    expect(await put()).toMatchObject({ status: 202, body: { id: 'a', status: 'processing' } });
    held.release(id);
    await service.ended(id);
    expect(await put()).toMatchObject({
      status: 200,
      body: { id: 'a', status: 'succeeded', output: [VIDEO_URL] },
    });
    expect(service.jobs).toHaveLength(1);
  });

  test('waits like POST, for a new id', async () => {
    const service = await serve();
    const answer = await service.call('PUT', '/predictions/a%2Fb', { id: 'a/b', input: { image } });
    expect(answer).toMatchObject({ status: 200, body: { id: 'a/b', output: [VIDEO_URL] } });
    expect(answer.body.urls.get).toBe('/predictions/a%2Fb');
    expect((await service.call('GET', answer.body.urls.get)).body.id).toBe('a/b');
  });

  test('another id in the body is the documented 422', async () => {
    const service = await serve();
    const { status, body } = await service.call('PUT', '/predictions/a', { id: 'b', input: { image } });
    expect([status, body]).toEqual([
      422,
      {
        detail: [
          {
            loc: ['body', 'id'],
            msg: 'prediction ID must match the ID supplied in the URL',
            type: 'value_error',
          },
        ],
      },
    ]);
    expect(await service.table.count()).toBe(0);
  });

  test('an id of more than 255 characters is a 422', async () => {
    const service = await serve();
    const { status, body } = await service.call('PUT', `/predictions/${'a'.repeat(256)}`, {
      input: { image },
    });
    expect([status, body.detail[0].loc]).toEqual([422, ['path', 'prediction_id']]);
  });
});

test('a POST with an id that is taken is a 409, and does not answer with another request’s video', async () => {
  const service = await serve();
  await service.call('POST', '/predictions', { id: 'mine', input: { image, num_frames: 3 } });
  const again = await service.call('POST', '/predictions', { id: 'mine', input: { image, num_frames: 5 } });
  expect([again.status, again.body]).toEqual([409, { detail: expect.stringContaining('PUT') }]);
});

test('a client that only takes a stream is told that there is none', async () => {
  const service = await serve();
  const accept = { accept: 'text/event-stream' };
  const { status, body } = await service.call('POST', '/predictions', { input: { image } }, accept);
  expect([status, body]).toEqual([406, { detail: expect.stringContaining('not streamed') }]);
});

test('a page of somebody else’s makes and ends no predictions', async () => {
  const service = await serve();
  const foreign = { origin: 'https://elsewhere.example' };
  const { status, body } = await service.call('POST', '/predictions', { input: { image } }, foreign);
  expect([status, body]).toEqual([403, { detail: expect.any(String) }]);
  expect((await service.call('POST', '/predictions/a/cancel', undefined, foreign)).status).toBe(403);
});
