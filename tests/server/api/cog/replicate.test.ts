import { afterEach, expect, test } from '@jest/globals';
import Replicate, { parseProgressFromLogs, type FileOutput, type Prediction } from 'replicate';
import { cachedSvdXt } from '../../../pipeline/manifests.js';
import { holdClips, startService, VIDEO, type TestService } from '../../support.js';
import { DOCUMENTED, image, photo } from './support.js';

const MODEL = 'somebody/stable-video-diffusion';
const VERSION = 'd68b6e09eedbac7a49e3d8644999d93579c386a083768235cabca88796d70d82';

const open: TestService[] = [];
afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

interface Setting {
  readonly service: TestService;
  readonly replicate: Replicate;
  /** Statuses of the answers so far. */
  readonly statuses: readonly number[];
}

/** The service, and Replicate's own client of it. */
async function connect(options: Parameters<typeof startService>[0] = {}): Promise<Setting> {
  const service = await startService(options);
  open.push(service);
  const statuses: number[] = [];
  const replicate = new Replicate({
    auth: 'any key',
    baseUrl: service.url,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      return response;
    },
  });
  return { service, replicate, statuses };
}

const bytesOf = async (output: FileOutput): Promise<Buffer> =>
  Buffer.from(await (await output.blob()).arrayBuffer());

test.each([MODEL, `${MODEL}:${VERSION}`] as const)('run(%s) gives the video as a file', async (model) => {
  const { replicate, statuses, service } = await connect();
  const outputs = (await replicate.run(model, { input: { image, num_frames: 9 } })) as FileOutput[];
  expect(outputs).toHaveLength(1);
  expect(await bytesOf(outputs[0])).toEqual(VIDEO);
  expect(statuses[0]).toBe(201);
  expect(service.jobs[0].params.T).toBe(9);
});

test('run with the documented input has the worker make just that, cached', async () => {
  const { replicate, service } = await connect({ manifest: cachedSvdXt() });
  const { input } = JSON.parse(DOCUMENTED) as { input: object };
  const outputs = (await replicate.run(MODEL, { input })) as FileOutput[];
  expect(await bytesOf(outputs[0])).toEqual(VIDEO);
  expect(service.jobs.map(({ params }) => params)).toEqual([
    expect.objectContaining({
      ...{ W: 576, H: 1024, T: 25, steps: 50, decoding_t: 8 },
      ...{ deepcache_interval: 3, deepcache_branch: 3 },
    }),
  ]);
  const [{ logs }] = (await replicate.predictions.list()).results;
  expect(logs).not.toContain('no effect');
});

test('run takes a picture in memory', async () => {
  const { replicate, statuses } = await connect();
  const picture = new Blob([new Uint8Array(photo)], { type: 'image/jpeg' });
  const outputs = (await replicate.run(MODEL, { input: { image: picture } })) as FileOutput[];
  expect(await bytesOf(outputs[0])).toEqual(VIDEO);
  expect(statuses.slice(0, 2)).toEqual([501, 201]);
});

test('run goes on polling where the wait was too short, and sees the progress', async () => {
  const held = holdClips();
  const { service, replicate, statuses } = await connect({ make: held.make });
  const seen: Prediction[] = [];
  const running = replicate.run(
    MODEL,
    { input: { image }, wait: { mode: 'block', timeout: 1 } },
    (prediction) => {
      seen.push(prediction);
      if (seen.length === 2) held.release(prediction.id);
    },
  );
  const outputs = (await running) as FileOutput[];
  expect(await bytesOf(outputs[0])).toEqual(VIDEO);
  expect(statuses.slice(0, 2)).toEqual([202, 200]);
  expect(seen.map(({ status }) => status)).toEqual(
    expect.arrayContaining(['starting', 'processing', 'succeeded']),
  );
  expect(parseProgressFromLogs(seen[1])).toEqual({ percentage: 0.25, current: 1, total: 4 });
  expect(await service.table.count()).toBe(1);
});

test('a failure is the error of run', async () => {
  const { replicate } = await connect({ make: () => Promise.reject(new Error('secret detail')) });
  const running = replicate.run(MODEL, { input: { image } });
  await expect(running).rejects.toThrow('Prediction failed: The task failed because of an internal error');
});

test('an abort cancels the prediction, and gives no output', async () => {
  const { service, replicate } = await connect({ make: holdClips().make });
  const abort = new AbortController();
  const wait = { mode: 'poll', interval: 1 } as const;
  const output = await replicate.run(
    MODEL,
    { input: { image }, wait, signal: abort.signal },
    ({ status }) => {
      if (status === 'processing') abort.abort();
    },
  );
  expect(output).toBeNull();
  expect(await service.table.list({ limit: 9 })).toMatchObject([{ error: { code: 'cancelled' } }]);
});

test('create answers at once; get, wait, cancel and list follow the prediction', async () => {
  const held = holdClips();
  const { replicate, statuses } = await connect({ make: held.make });
  const first = await replicate.predictions.create({ version: VERSION, input: { image } });
  expect([statuses[0], first.status, first.version]).toEqual([201, 'starting', VERSION]);
  expect(first.logs).toContain(`The request names the model ${VERSION}; this service runs test\n`);
  const second = await replicate.predictions.create({ model: MODEL, input: { image } });

  expect(await replicate.predictions.cancel(second.id)).toMatchObject({ id: second.id, status: 'canceled' });
  held.release(first.id);
  expect(await replicate.wait(first, { interval: 1 })).toMatchObject({ id: first.id, status: 'succeeded' });
  expect(await replicate.predictions.get(first.id)).toMatchObject({
    output: [expect.stringMatching(/^data:video\/mp4;base64,/)],
    data_removed: false,
  });
  const ids = [];
  for await (const page of replicate.paginate(() => replicate.predictions.list()))
    ids.push(...page.map(({ id }) => id));
  expect(ids).toEqual([second.id, first.id]);
});

test('errors say why', async () => {
  const { replicate, statuses } = await connect();
  await expect(replicate.predictions.create({ model: MODEL, input: {} })).rejects.toThrow(
    /status 422.*"loc":\["body","input","image"\]/,
  );
  await expect(replicate.predictions.cancel('none')).rejects.toThrow(/status 404/);
  expect(statuses).toEqual([422, 404]);
});
