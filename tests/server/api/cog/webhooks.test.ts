import { afterEach, describe, expect, test } from '@jest/globals';
import { parseProgressFromLogs, validateWebhook } from 'replicate';
import { Webhook } from 'standardwebhooks';
import { predictionSchema } from '../../../../server/api/cog/prediction.js';
import { makeClip, startService, type TestService } from '../../support.js';
import { startReceiver, type Receiver } from '../../webhooks/receiver.js';
import { image } from './support.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ASYNC = { prefer: 'respond-async' };

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

type Options = NonNullable<Parameters<typeof startService>[0]> & { readonly receiver?: Receiver };
async function connect(options: Options = {}): Promise<{ service: TestService; receiver: Receiver }> {
  const receiver = options.receiver ?? (await startReceiver());
  const service = await startService({
    ...options,
    env: { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW_ORIGINS: receiver.origin, ...options.env },
    webhooks: { progressIntervalMs: 1 },
  });
  open.push(service, receiver);
  return { service, receiver };
}
const create = async (service: TestService, more: object): Promise<string> =>
  (await service.call('POST', '/predictions', { input: { image }, ...more }, ASYNC)).body.id as string;
const statuses = ({ received }: Receiver): string[] => received.map(({ body }) => String(body.status));

describe('a webhook is sent the prediction', () => {
  test('itself, signed so that Standard Webhooks and Replicate’s client are sure of it', async () => {
    const { service, receiver } = await connect({ env: { BASE_URL: 'https://clips.example' } });
    const id = await create(service, { webhook: receiver.url, webhook_events_filter: ['completed'] });
    await receiver.until(1);
    const [{ headers, text, body }] = receiver.received;
    expect(predictionSchema.strict().parse(body)).toMatchObject({
      id,
      status: 'succeeded',
      output: [`https://clips.example/download/video/${id}`],
      urls: { get: `https://clips.example/predictions/${id}` },
    });
    expect(text.length).toBeLessThan(20_000);
    expect(text).not.toContain('hidden');
    expect(new Webhook(SECRET).verify(text, headers)).toEqual(body);
    expect(await validateWebhook({ headers, body: text } as never, SECRET)).toBe(true);
    const changed = text.replace('succeeded', 'processing');
    expect(() => new Webhook(SECRET).verify(changed, headers)).toThrow('No matching signature');
  });

  test('at its start, with its logs as they grow and at its end, unless it asks for less', async () => {
    const receiver = await startReceiver();
    const { service } = await connect({
      receiver,
      make: async (job, { onProgress }) => {
        for (let step = 1; receiver.received.length < 3; step++) {
          onProgress?.({ stage: 'sample', part: 1, parts: 1, step, steps: 1e6, progress: 0.1 });
          await new Promise((resolve) => setImmediate(resolve));
        }
        return makeClip(job);
      },
    });
    await create(service, { webhook: receiver.url });
    while (statuses(receiver).at(-1) !== 'succeeded') await receiver.until(receiver.received.length + 1);
    const told = statuses(receiver);
    expect(new Set(told.slice(0, -1))).toEqual(new Set(['processing']));
    expect(receiver.received[0].body.logs).not.toContain('|');
    const steps = receiver.received.slice(1, -1).map(({ body }) => parseProgressFromLogs(body)?.current ?? 0);
    expect(steps.length).toBeGreaterThanOrEqual(2);
    expect(steps).toEqual([...new Set(steps)].sort((x, y) => x - y));
    expect(steps[0]).toBeGreaterThanOrEqual(1);
  });

  test.each([
    [['start'], ['processing']],
    [['completed'], ['succeeded']],
    [['output'], ['succeeded']],
    [['output', 'completed'], ['succeeded']],
    [
      ['start', 'completed'],
      ['processing', 'succeeded'],
    ],
  ])('for %j it is %j', async (filter, expected) => {
    const { service, receiver } = await connect();
    await service.ended(await create(service, { webhook: receiver.url, webhook_events_filter: filter }));
    await receiver.until(expected.length);
    // Messages come in order: what another prediction is told comes after all that this one was.
    await create(service, { webhook: receiver.url, webhook_events_filter: ['completed'] });
    await receiver.until(expected.length + 1);
    expect(statuses(receiver)).toEqual([...expected, 'succeeded']);
  });

  test('also when it fails and when it is canceled', async () => {
    const { service, receiver } = await connect({ make: () => Promise.reject(new Error('No')) });
    await create(service, { webhook: receiver.url, webhook_events_filter: ['completed'] });
    await receiver.until(1);
    expect(receiver.received[0].body).toMatchObject({
      status: 'failed',
      error: expect.any(String),
      output: null,
    });
  });
});

test('tasks of the other APIs are told in their own words', async () => {
  const { service, receiver } = await connect();
  await service.call('POST', '/tasks', { prompt: 'a fox', webhook: receiver.url });
  await receiver.until(1);
  expect(receiver.received[0].body).toMatchObject({ type: 'task.completed', data: { api: 'tasks' } });
});

test('a filter without a webhook has no effect, and the logs say so', async () => {
  const { service } = await connect();
  const { body } = await service.call('POST', '/predictions', {
    webhook_events_filter: ['start'],
    input: { image },
  });
  expect(body.logs).toContain('webhook_events_filter is not used');
});
