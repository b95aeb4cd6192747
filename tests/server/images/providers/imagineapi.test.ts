import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startImagineApi } from './fake-imagineapi.js';
import { COLOURS, CUT, READY, startPictureHost } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { KEY, runPrompt, settingsFor, type Outcome, type Wanted } from './support.js';

let pictures: FakeServer;
let servers: FakeServer[];
beforeEach(async () => {
  pictures = await startPictureHost();
  servers = [pictures];
});
afterEach(() => Promise.all(servers.map((server) => server.close())));

const start = async (done: Record<string, unknown> = {}): Promise<FakeServer> => {
  const api = await startImagineApi(pictures.url, done);
  servers.push(api);
  return api;
};
const run = (api: FakeServer, wanted: Wanted = {}): Promise<Outcome> =>
  runPrompt(settingsFor('imagineapi', api.url, { allowedOrigins: [pictures.url] }), wanted);

test('the requests are those of the documentation', async () => {
  const api = await start();
  await run(api, { prompt: 'a red fox' });
  const [submit, poll] = api.seen;
  expect(submit).toMatchObject({
    method: 'POST',
    path: '/items/images/',
    body: { prompt: 'a red fox --ar 16:9' },
  });
  expect(submit.headers.authorization).toBe(`Bearer ${KEY}`);
  expect(poll).toMatchObject({
    method: 'GET',
    path: '/items/images/9cbeee95-93ae-4d0b-8a4f-ae9f54cc4b4f',
    body: '',
  });
});

test.each([1, 2, 3, 4])('picture %i of the four single ones is taken', async (image_index) => {
  expect((await run(await start(), { image_index })).is).toBe(`${COLOURS[image_index - 1]} ${READY}`);
});

test.each([null, [], ['http://127.0.0.1:1/only-one.png']])(
  'with %p for single pictures the cell of the grid is taken',
  async (upscaled_urls) => {
    expect((await run(await start({ upscaled_urls }), { image_index: 4 })).is).toBe(`yellow ${CUT}`);
  },
);

test('fewer than four single pictures do where there is no grid', async () => {
  const upscaled_urls = [1, 2].map((n) => `${pictures.url}/ready-${n}.png`);
  expect((await run(await start({ url: null, upscaled_urls }), { image_index: 4 })).is).toBe(`lime ${READY}`);
});

test.each([
  ['some error', 'provider_failed'],
  [null, 'provider_failed'],
  ['Your prompt was flagged by content moderation', 'provider_rejected_prompt'],
])('a job that failed with %p is %s', async (error, code) => {
  const api = await start();
  api.faultForever('poll', { json: { data: { id: 'x', status: 'failed', error } } });
  expect((await run(api)).is).toBe(code);
  expect(api.of('poll')).toHaveLength(1);
});

describe('a submission refused', () => {
  test.each([
    [400, 'Prompt contains a banned word: "gore"', 'provider_rejected_prompt'],
    [403, 'You have reached your monthly limit', 'provider_quota'],
    [403, "You don't have permission to access this.", 'provider_auth'],
    [401, 'Invalid user credentials, not your subscription.', 'provider_auth'],
    [400, 'Field is required', 'provider_failed'],
  ])('with %i “%s” is %s', async (status, message, code) => {
    const api = await start();
    api.faultForever('submit', { status, json: { errors: [{ message, extensions: { code: 'X' } }] } });
    const outcome = await run(api, { prompt: 'gore' });
    expect(outcome.is).toBe(code);
    expect(outcome.message).not.toContain(message);
    expect(api.seen).toHaveLength(1);
  });
});
