import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { localPictureWork } from '../../../../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../../../../server/images/picture.js';
import { createPictureProvider } from '../../../../server/images/providers/create-provider.js';
import type { RemoteProviderSettings } from '../../../../server/images/providers/settings.js';
import { COLOURS, CUT, gridOf, plain, READY, startPictureHost, UPSCALED } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { startThenextleg, type ThenextlegResult } from './fake-thenextleg.js';
import { KEY, runPrompt, settingsFor, type Outcome, type Wanted } from './support.js';

let pictures: FakeServer;
let servers: FakeServer[];
beforeEach(async () => {
  pictures = await startPictureHost();
  servers = [pictures];
});
afterEach(() => Promise.all(servers.map((server) => server.close())));

const start = async (result: ThenextlegResult = {}): Promise<FakeServer> => {
  const api = await startThenextleg(pictures.url, result);
  servers.push(api);
  return api;
};
const run = (
  api: FakeServer,
  wanted: Wanted = {},
  changes: Partial<RemoteProviderSettings> = {},
): Promise<Outcome> =>
  runPrompt(
    settingsFor('thenextleg', `${api.url}/v2`, { allowedOrigins: [pictures.url], ...changes }),
    wanted,
  );
const four = (): string[] => [1, 2, 3, 4].map((n) => `${pictures.url}/ready-${n}.png`);

test('the requests are those of the documentation', async () => {
  const api = await start();
  await run(api, { prompt: 'a red fox', image_index: 2 }, { timeoutMs: 1_800_000 });
  const [submit] = api.of('submit');
  expect(submit.headers).toMatchObject({
    authorization: `Bearer ${KEY}`,
    'content-type': 'application/json',
    accept: 'application/json',
  });
  expect(submit.body).toEqual({
    msg: 'a red fox --ar 16:9',
    ref: '',
    webhookOverride: '',
    ignorePrefilter: 'false',
  });
  expect(api.of('poll')[0].path).toBe('/v2/message/job_1-A?expireMins=30');
  expect(api.of('upscale')[0].body).toEqual({
    button: 'U2',
    buttonMessageId: 'button-message-1',
    ref: '',
    webhookOverride: '',
  });
  expect(api.of('poll').at(-1)?.path).toBe('/v2/message/up-2?expireMins=30');
});

test('a prompt with its own --ar is left as it is', async () => {
  const api = await start();
  await run(api, { prompt: 'a fox --ar 3:2 --v 6' });
  expect(api.of('submit')[0].body.msg).toBe('a fox --ar 3:2 --v 6');
});

describe.each(['flat', 'nested'] as const)('a %s result', (shape) => {
  test.each([1, 2, 3, 4])('gives ready-made picture %i of four', async (image_index) => {
    const api = await start({ shape, imageUrls: four() });
    expect((await run(api, { image_index })).is).toBe(`${COLOURS[image_index - 1]} ${READY}`);
    expect(api.of('upscale')).toEqual([]);
  });

  test('without ready-made pictures is upscaled by its button', async () => {
    const api = await start({ shape });
    expect((await run(api, { image_index: 4 })).is).toBe(`yellow ${UPSCALED}`);
  });

  test.each([1, 2, 3, 4])('without pictures and buttons gives cell %i of the grid', async (image_index) => {
    const api = await start({ shape, buttons: [] });
    expect((await run(api, { image_index })).is).toBe(`${COLOURS[image_index - 1]} ${CUT}`);
  });

  test('whose buttons offer none of four is one picture, and not cut', async () => {
    const imageUrl = `${pictures.url}/upscaled-2.png`;
    const api = await start({ shape, imageUrl, buttons: ['Make Variations'] });
    expect((await run(api, { image_index: 3 })).is).toBe(`lime ${UPSCALED}`);
  });
});

test.each([
  [0, 'red'],
  [1, 'lime'],
  [6, 'blue'],
  [999_999_999, 'yellow'],
])('without a choice the seed chooses: %i gives %s, every time', async (seed, colour) => {
  const api = await start({ imageUrls: four() });
  expect((await run(api, { seed })).is).toBe(`${colour} ${READY}`);
  expect((await run(api, { seed })).is).toBe(`${colour} ${READY}`);
});

test('a grid with odd sides is cut beside its middle line', async () => {
  const api = await start({ buttons: [] });
  pictures.faultForever('picture', { body: await gridOf(129, 73) });
  for (const [i, colour] of COLOURS.entries()) {
    expect((await run(api, { image_index: i + 1 })).is).toBe(`${colour} ${CUT}`);
  }
});

test('a grid too small to be cut, or no picture, is provider_bad_answer', async () => {
  const api = await start({ buttons: [] });
  pictures.fault('picture', { body: await plain('red', '1x1') }, { body: 'no picture' });
  expect((await run(api)).is).toBe('provider_bad_answer');
  expect((await run(api)).is).toBe('provider_bad_answer');
});

test.each([
  ['is refused', 'upscale', { status: 400, json: { message: 'Button not found' } }],
  ['is refused in a success', 'upscale', { json: { success: false, msg: 'no' } }],
  ['is not understood', 'upscale', { body: '<html>' }],
] as const)('an upscale that %s falls back to the cell of the grid', async (_how, call, reply) => {
  const api = await start();
  api.faultForever(call, reply);
  expect((await run(api, { image_index: 3 })).is).toBe(`blue ${CUT}`);
  expect(api.of('submit')).toHaveLength(1);
});

test.each([
  ['progress "incomplete"', { progress: 'incomplete' }, 'provider_failed'],
  ['success false', { success: false, msg: 'Job was lost' }, 'provider_failed'],
  ['a moderated job', { progress: 'incomplete', msg: 'Image moderated' }, 'provider_rejected_prompt'],
])('%s ends the job', async (_what, json, code) => {
  const api = await start();
  api.faultForever('poll', { json });
  expect((await run(api)).is).toBe(code);
  expect(api.of('poll')).toHaveLength(1);
});

test('progress as text is understood, and one that falls back is not shown', async () => {
  const api = await start({ imageUrls: four() });
  api.fault('poll', { json: { progress: '60%' } }, { json: { progress: 20 } }, { json: { progress: null } });
  const { is, progress } = await run(api);
  expect(is).toMatch(/^red/);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress).toContain(0.02 + 0.78 * 0.6);
});

test('a job that is done but has no picture is provider_bad_answer in the end', async () => {
  const api = await start();
  api.faultForever('poll', { json: { progress: 100, response: {} } });
  expect((await run(api, {}, { timeoutMs: 900_000 })).is).toBe('provider_bad_answer');
});

describe('a banned prompt', () => {
  const banned = { status: 400, json: { success: false, msg: "Invalid phrase: 'gore'" } };

  test('is provider_rejected_prompt, names the word, and is not sent again', async () => {
    const api = await start();
    api.faultForever('submit', banned);
    const { is, message } = await run(api, { prompt: 'a Gore fox' });
    expect([is, message]).toEqual(['provider_rejected_prompt', expect.stringContaining('"gore"')]);
    expect(api.seen).toHaveLength(1);
  });

  test('names no word that the prompt does not have', async () => {
    const api = await start();
    api.faultForever('submit', banned);
    const { is, message } = await run(api, { prompt: 'a fox' });
    expect(is).toBe('provider_rejected_prompt');
    expect(message).not.toContain('gore');
  });
});

test.each([
  [400, 'You have run out of credits'],
  [403, 'Monthly limit reached'],
  [200, 'Quota exceeded'],
])('status %i with “%s” is provider_quota', async (status, msg) => {
  const api = await start();
  api.faultForever('submit', { status, json: { success: false, msg } });
  expect((await run(api)).is).toBe('provider_quota');
  expect(api.seen).toHaveLength(1);
});

describe('a picture that its host forbids', () => {
  test('is had from the provider itself', async () => {
    const api = await start({ imageUrls: four() });
    pictures.faultForever('picture', { status: 403 });
    api.fault('rescue', { body: await plain('lime', '50x40') });
    expect((await run(api, { image_index: 2 })).is).toBe('lime 50x40');
    const [rescue] = api.of('rescue');
    expect([rescue.path, rescue.body]).toEqual(['/getImage', { imgUrl: `${pictures.url}/ready-2.png` }]);
    expect(rescue.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test('and that the provider does not give either ends the task', async () => {
    const api = await start({ imageUrls: four() });
    pictures.faultForever('picture', { status: 403 });
    api.faultForever('rescue', { status: 400, json: { message: 'no' } });
    expect((await run(api)).is).toBe('provider_failed');
  });
});

test('two prompts at once keep to the pace: one request per interval', async () => {
  const api = await start({ imageUrls: four() });
  const settings = settingsFor('thenextleg', `${api.url}/v2`, {
    allowedOrigins: [pictures.url],
    intervalMs: 60,
  });
  const clock = { random: () => 1, wait: () => Promise.resolve() };
  const provider = createPictureProvider(settings, { limits: PICTURE_LIMITS, work: localPictureWork, clock });
  const make = () => provider.make('a fox', { seed: 0, width: 64, height: 64 });
  await Promise.all([make(), make()]);
  const times = api.seen.map(({ at }) => at);
  expect(times.length).toBeGreaterThanOrEqual(5);
  // Arrival may be late by a little, so the whole is measured, with half an interval to spare.
  expect(times[times.length - 1] - times[0]).toBeGreaterThan((times.length - 1.5) * 60);
});
