import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import {
  createGuardedClient,
  type GuardedClient,
  type GuardedClientOptions,
} from '../../../../server/images/guarded-client.js';
import { nearestSize } from '../../../../server/images/providers/openai.js';
import { startOpenAi } from './fake-openai.js';
import { plain, READY, startPictureHost } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { KEY, runPrompt, settingsFor, type Outcome, type Wanted } from './support.js';

let pictures: FakeServer;
let api: FakeServer;
beforeEach(async () => {
  pictures = await startPictureHost();
  api = await startOpenAi();
});
afterEach(async () => {
  await api.close();
  await pictures.close();
});

const run = (model?: string, wanted: Wanted = {}): Promise<Outcome> =>
  runPrompt(
    settingsFor('openai', `${api.url}/v1`, {
      allowedOrigins: [pictures.url],
      ...(model === undefined ? {} : { model }),
    }),
    wanted,
  );

test('the request is that of the documentation, the prompt as it was given', async () => {
  const { is } = await run(undefined, { prompt: 'a red fox' });
  expect(is).toBe(`blue ${READY}`);
  const [submit] = api.seen;
  expect(submit).toMatchObject({ method: 'POST', path: '/v1/images/generations' });
  expect(submit.headers.authorization).toBe(`Bearer ${KEY}`);
  expect(submit.body).toEqual({
    model: 'gpt-image-1',
    prompt: 'a red fox',
    n: 1,
    size: '1536x1024',
    output_format: 'png',
  });
});

test.each([
  ['dall-e-3', { size: '1792x1024', response_format: 'b64_json' }],
  ['dall-e-2', { size: '1024x1024', response_format: 'b64_json' }],
  ['gpt-image-1-mini', { size: '1536x1024', output_format: 'png' }],
  ['flux.1-dev', { size: '1536x1024' }],
])('the model %s gets what it takes and nothing else', async (model, options) => {
  await run(model);
  expect(api.seen[0].body).toEqual({ model, prompt: 'a fox', n: 1, ...options });
});

test.each([
  ['gpt-image-1', 1024, 576, '1536x1024'],
  ['gpt-image-1', 576, 1024, '1024x1536'],
  ['gpt-image-1', 512, 512, '1024x1024'],
  ['gpt-image-1', 640, 512, '1536x1024'],
  ['gpt-image-1', 600, 512, '1024x1024'],
  ['dall-e-3', 576, 1024, '1024x1792'],
  ['dall-e-2', 576, 1024, '1024x1024'],
])('%s makes %i x %i as %s', (model, width, height, size) => {
  expect(nearestSize(model, width, height)).toBe(size);
});

test('a picture by address is fetched, once the address is allowed', async () => {
  const json = { data: [{ url: `${pictures.url}/ready-4.png` }] };
  api.fault('submit', { json });
  expect((await run('dall-e-3')).is).toBe(`yellow ${READY}`);
});

test('base64 may come as a data URL and with line breaks', async () => {
  const base64 = (await plain('red', READY)).toString('base64').replace(/(.{60})/g, '$1\n');
  api.fault('submit', { json: { data: [{ b64_json: `data:image/png;base64,${base64}`, url: null }] } });
  expect((await run()).is).toBe(`red ${READY}`);
});

test('a picture of many megabytes comes through', async () => {
  const noise = Buffer.alloc(1800 * 1800 * 3).map((_, i) => (i * 2654435761) >>> 13);
  const png = await sharp(noise, { raw: { width: 1800, height: 1800, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
  expect(png.length).toBeGreaterThan(8 * 2 ** 20);
  const answer = { data: [{ b64_json: png.toString('base64') }] };
  api.fault('submit', { json: answer });
  // More than one colour: the picture's own check is what is passed.
  expect((await run()).is).toMatch(/More than one colour/);
});

test('the call may be silent for as long as the deadline allows', async () => {
  const limits: (number | undefined)[][] = [];
  const createClient = (o: GuardedClientOptions): GuardedClient => {
    limits.push([o.idleMs, o.totalMs]);
    return createGuardedClient(o);
  };
  await run(undefined, { parts: { createClient } });
  expect(limits).toContainEqual([20_000, 20_000]);
});

test.each([
  ['is not base64', { data: [{ b64_json: '<html>' }] }],
  ['is base64 of no picture', { data: [{ b64_json: Buffer.from('hello').toString('base64') }] }],
  ['is missing', { data: [{ revised_prompt: 'x' }] }],
  ['is in no list', { data: [] }],
])('a picture that %s is provider_bad_answer', async (_what, json) => {
  api.faultForever('submit', { json });
  expect((await run()).is).toBe('provider_bad_answer');
  expect(api.seen).toHaveLength(1);
});

describe('a refusal', () => {
  test.each([
    [400, { code: 'moderation_blocked', type: 'image_generation_user_error' }, 'provider_rejected_prompt'],
    [400, { code: 'content_policy_violation', type: 'invalid_request_error' }, 'provider_rejected_prompt'],
    [400, { code: null, type: 'invalid_request_error' }, 'provider_failed'],
    [400, { code: 'billing_hard_limit_reached', type: 'x' }, 'provider_quota'],
    [429, { code: 'insufficient_quota', type: 'insufficient_quota' }, 'provider_quota'],
    [429, { code: null, type: 'insufficient_quota' }, 'provider_quota'],
    [401, { code: 'invalid_api_key', type: 'invalid_request_error' }, 'provider_auth'],
  ])('%i %j is %s, asked once', async (status, error, code) => {
    api.faultForever('submit', {
      status,
      json: { error: { message: 'words of theirs', param: null, ...error } },
    });
    const outcome = await run();
    expect(outcome.is).toBe(code);
    expect(outcome.message).not.toContain('theirs');
    expect(api.seen).toHaveLength(1);
  });

  test('for the rate alone is waited out', async () => {
    api.fault('submit', { status: 429, json: { error: { message: 'slow', code: 'rate_limit_exceeded' } } });
    expect((await run()).is).toBe(`blue ${READY}`);
    expect(api.seen).toHaveLength(2);
  });
});
