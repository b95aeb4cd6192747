import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RemoteProviderSettings } from '../../../../server/images/providers/settings.js';
import { startMidjourneyProxy, type MidjourneyProxyBehaviour } from './fake-midjourney-proxy.js';
import { COLOURS, CUT, READY, startPictureHost, UPSCALED } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { KEY, runPrompt, settingsFor, type Outcome, type Wanted } from './support.js';

let pictures: FakeServer;
let servers: FakeServer[];
beforeEach(async () => {
  pictures = await startPictureHost();
  servers = [pictures];
});
afterEach(() => Promise.all(servers.map((server) => server.close())));

const start = async (behaviour: MidjourneyProxyBehaviour = {}): Promise<FakeServer> => {
  const api = await startMidjourneyProxy(pictures.url, behaviour);
  servers.push(api);
  return api;
};
const run = (
  api: FakeServer,
  wanted: Wanted = {},
  changes: Partial<RemoteProviderSettings> = {},
): Promise<Outcome> =>
  runPrompt(settingsFor('midjourney-proxy', api.url, { allowedOrigins: [pictures.url], ...changes }), wanted);
const id = '1320098173412546';

describe('the original', () => {
  test('gets the requests of its documentation', async () => {
    const api = await start();
    await run(api, { prompt: 'a red fox', image_index: 2 });
    const [submit] = api.of('submit');
    expect(submit.headers['mj-api-secret']).toBe(KEY);
    expect(submit.headers.authorization).toBeUndefined();
    expect(submit.body).toEqual({
      prompt: 'a red fox --ar 16:9',
      base64Array: [],
      notifyHook: '',
      state: '',
    });
    expect(api.of('poll')[0].path).toBe(`/mj/task/${id}/fetch`);
    const [upscale] = api.of('upscale');
    expect(upscale.path).toBe('/mj/submit/change');
    expect(upscale.body).toEqual({ taskId: id, action: 'UPSCALE', index: 2, notifyHook: '', state: '' });
    expect(api.of('poll').at(-1)?.path).toBe('/mj/task/up-2/fetch');
  });

  test.each([1, 2, 3, 4])('upscales picture %i of four by `change`', async (image_index) => {
    expect((await run(await start(), { image_index })).is).toBe(`${COLOURS[image_index - 1]} ${UPSCALED}`);
  });
});

describe('trueai’s fork', () => {
  test.each([1, 2, 3, 4])('upscales picture %i of four by its button', async (image_index) => {
    const api = await start({ fork: 'trueai' });
    expect((await run(api, { image_index })).is).toBe(`${COLOURS[image_index - 1]} ${UPSCALED}`);
    const [upscale] = api.of('upscale');
    expect(upscale.path).toBe('/mj/submit/action');
    expect(upscale.body).toEqual({ taskId: id, customId: `MJ::JOB::upsample::${image_index}::c76f-11` });
  });

  test('whose buttons have no labels are told by their ids', async () => {
    const buttons = [{ customId: 'MJ::JOB::upsample::1::x' }, { customId: 'MJ::JOB::upsample::2::x' }];
    const api = await start({ fork: 'trueai', task: { buttons } });
    expect((await run(api, { image_index: 2 })).is).toBe(`lime ${UPSCALED}`);
  });

  test('whose buttons have ids of another kind are told by their labels', async () => {
    const buttons = [
      { label: 'U1', customId: 'first' },
      { label: 'U2', customId: 'second' },
    ];
    const api = await start({ fork: 'trueai', task: { buttons } });
    await run(api, { image_index: 2 });
    expect(api.of('upscale')[0].body).toEqual({ taskId: id, customId: 'second' });
  });

  test('that lacks the button wanted is asked for nothing: the cell of the grid is taken', async () => {
    const buttons = [{ label: 'U1', customId: 'MJ::JOB::upsample::1::x' }];
    const api = await start({ fork: 'trueai', task: { buttons } });
    expect((await run(api, { image_index: 3 })).is).toBe(`blue ${CUT}`);
    expect(api.of('upscale')).toEqual([]);
  });

  test('gives ready-made pictures where it has them', async () => {
    const imageUrls = [1, 2, 3, 4].map((n) => ({ url: `${pictures.url}/ready-${n}.png`, thumbnail: '' }));
    const api = await start({ fork: 'trueai', task: { imageUrls } });
    expect((await run(api, { image_index: 3 })).is).toBe(`blue ${READY}`);
    expect(api.of('upscale')).toEqual([]);
  });

  test('whose list holds only the grid upscales it all the same', async () => {
    const task = { imageUrls: [{ url: `${pictures.url}/grid.png` }] };
    expect((await run(await start({ fork: 'trueai', task }), { image_index: 3 })).is).toBe(
      `blue ${UPSCALED}`,
    );
  });

  test('whose picture has buttons, but none for one of four, is one picture', async () => {
    const task = {
      imageUrl: `${pictures.url}/upscaled-4.png`,
      buttons: [{ customId: 'MJ::JOB::upsample_v6_2x_subtle::1::x::SOLO', label: 'Upscale (Subtle)' }],
    };
    const api = await start({ fork: 'trueai', task });
    expect((await run(api, { image_index: 1 })).is).toBe(`yellow ${UPSCALED}`);
    expect(api.of('upscale')).toEqual([]);
  });

  test('without buttons has no `change` either: the cell of the grid is taken', async () => {
    const api = await start({ fork: 'trueai', task: { buttons: [] } });
    expect((await run(api, { image_index: 2 })).is).toBe(`lime ${CUT}`);
    expect(api.of('upscale').map(({ path }) => path)).toEqual(['/mj/submit/change']);
  });
});

test('relays get the key as a bearer token, and the bot that is configured', async () => {
  const api = await start();
  await run(api, {}, { auth: 'bearer', model: 'NIJI_JOURNEY' });
  const [{ headers, body }] = api.of('submit');
  expect(headers.authorization).toBe(`Bearer ${KEY}`);
  expect(headers['mj-api-secret']).toBeUndefined();
  expect(body.botType).toBe('NIJI_JOURNEY');
});

test('a path prefix of the base URL is kept', async () => {
  const api = await start();
  await run(api, {}, { url: `${api.url}/mj-fast`, timeoutMs: 900_000 });
  expect(api.seen[0].path).toBe('/mj-fast/mj/submit/imagine');
});

describe('the codes of a submission', () => {
  const answer = (code: unknown, more: Record<string, unknown> = {}) => ({
    json: { code, description: 'x', result: id, ...more },
  });

  test.each([1, '1', 21, 22])('%p means that the job is taken', async (code) => {
    const api = await start();
    api.fault('submit', answer(code, { properties: { numberOfQueues: 3 } }));
    expect((await run(api, { image_index: 1 })).is).toBe(`red ${UPSCALED}`);
    expect(api.of('submit')).toHaveLength(1);
  });

  test('21 for an upscale that was made before gives its picture at once', async () => {
    const api = await start();
    const properties = { status: 'SUCCESS', imageUrl: `${pictures.url}/upscaled-3.png` };
    api.fault('upscale', answer(21, { properties }));
    expect((await run(api, { image_index: 3 })).is).toBe(`blue ${UPSCALED}`);
    expect(api.of('poll').every(({ path }) => path.includes(id))).toBe(true);
  });

  test('23, the queue is full, is tried again later', async () => {
    const api = await start();
    api.fault('submit', answer(23), answer(23));
    const { is, backoffs } = await run(api, { image_index: 1 });
    expect([is, backoffs]).toEqual([`red ${UPSCALED}`, [1000, 2000]]);
  });

  test('23 for ever is provider_unavailable', async () => {
    const api = await start();
    api.faultForever('submit', answer(23));
    expect((await run(api, {}, { timeoutMs: 900_000 })).is).toBe('provider_unavailable');
    expect(api.seen).toHaveLength(6);
  });

  test('24 is provider_rejected_prompt and names the word of the prompt', async () => {
    const api = await start();
    api.faultForever('submit', answer(24, { properties: { promptEn: 'a gore fox', bannedWord: 'gore' } }));
    const { is, message } = await run(api, { prompt: 'a gore fox' });
    expect([is, message]).toEqual(['provider_rejected_prompt', expect.stringContaining('"gore"')]);
    expect((await run(api, { prompt: 'ein Fuchs' })).message).not.toContain('gore');
  });

  test.each([3, 4, 9, 77])('%i is provider_failed, asked once', async (code) => {
    const api = await start();
    api.faultForever('submit', answer(code));
    expect((await run(api)).is).toBe('provider_failed');
    expect(api.seen).toHaveLength(1);
  });

  test('4 because of the quota is provider_quota', async () => {
    const api = await start();
    api.faultForever('submit', answer(4, { description: 'quota_not_enough' }));
    expect((await run(api)).is).toBe('provider_quota');
  });

  test.each([9, 23, 24])('%i for the upscale falls back to the cell of the grid', async (code) => {
    const api = await start();
    api.faultForever('upscale', answer(code));
    expect((await run(api, { image_index: 2 }, { timeoutMs: 900_000 })).is).toBe(`lime ${CUT}`);
  });
});

describe('the states of a task', () => {
  const task = (status: string | null, more: Record<string, unknown> = {}) => ({
    json: { id, status, progress: '', imageUrl: '', ...more },
  });

  test.each([
    ['FAILURE', 'Timeout', 'provider_failed'],
    ['FAILURE', null, 'provider_failed'],
    ['FAILURE', 'Banned prompt detected', 'provider_rejected_prompt'],
    [
      'FAILURE',
      'Sorry! Our AI moderators feel your prompt might be against our community standards.',
      'provider_rejected_prompt',
    ],
    ['FAILURE', 'You have run out of fast hours, out of credits', 'provider_quota'],
    ['CANCEL', '', 'provider_failed'],
    ['MODAL', '', 'provider_failed'],
  ])('%s with reason “%s” is %s', async (status, failReason, code) => {
    const api = await start();
    api.faultForever('poll', task(status, { failReason }));
    const { is, message } = await run(api);
    expect(is).toBe(code);
    if (failReason) expect(message).not.toContain(failReason);
    expect(api.of('poll')).toHaveLength(1);
  });

  test('NOT_START without progress is waited out', async () => {
    const api = await start();
    api.fault('poll', task('NOT_START'), task('SUBMITTED'), task(null));
    expect((await run(api, { image_index: 1 })).is).toBe(`red ${UPSCALED}`);
  });

  test('an empty answer right after the submission is asked about again', async () => {
    const api = await start();
    api.fault('poll', { body: '' }, { body: 'null' });
    expect((await run(api, { image_index: 1 })).is).toBe(`red ${UPSCALED}`);
  });

  test('a task that stays unknown is provider_failed', async () => {
    const api = await start();
    api.faultForever('poll', { body: 'null' });
    expect((await run(api, {}, { timeoutMs: 900_000 })).is).toBe('provider_failed');
    expect(api.of('submit')).toHaveLength(1);
  });

  test('percent strings become progress', async () => {
    const { progress } = await run(await start(), { image_index: 1 });
    expect(progress).toEqual(expect.arrayContaining([0.02 + 0.78 * 0.37, 0.02 + 0.78 * 0.8, 0.8]));
  });

  test('an upscale that fails falls back to the cell of the grid', async () => {
    const api = await start();
    api.fault('upscale', { json: { code: 1, result: 'lost' } });
    api.server.prependListener('request', ({ url }) => {
      if (url?.includes('/lost/')) api.fault('poll', task('FAILURE', { failReason: 'x' }));
    });
    expect((await run(api, { image_index: 4 })).is).toBe(`yellow ${CUT}`);
  });
});

describe('a job that nobody waits for any more', () => {
  /** Aborts at the first question after the job that `at` names, and waits for the request that cancels it. */
  const abandon = async (api: FakeServer, at: string): Promise<{ is: string; cancelled: string }> => {
    const abort = new AbortController();
    const told = new Promise<IncomingMessage>((resolve) => {
      api.server.on('request', (request) => {
        if (request.url?.includes(`/${at}/fetch`)) abort.abort(new Error('the task is to stop'));
        if (request.url?.endsWith('/cancel')) resolve(request);
      });
    });
    const { is } = await run(api, { signal: abort.signal, image_index: 2 });
    const { url, headers } = await told;
    return { is, cancelled: `${url} with ${String(headers['mj-api-secret'])}` };
  };

  test('is cancelled at the provider, be it the grid’s or the upscale’s', async () => {
    const api = await start({ fork: 'trueai' });
    expect(await abandon(api, id)).toEqual({
      is: 'the task is to stop',
      cancelled: `/mj/task/${id}/cancel with ${KEY}`,
    });
    const other = await start({ fork: 'trueai' });
    expect((await abandon(other, 'up-2')).cancelled).toMatch(/^\/mj\/task\/up-2\/cancel/);
  });

  test('is cancelled when the time is over', async () => {
    const api = await start({ fork: 'trueai' });
    const told = new Promise((resolve) =>
      api.server.on('request', ({ url }) => url?.endsWith('/cancel') && resolve(undefined)),
    );
    api.faultForever('poll', { json: { id, status: 'IN_PROGRESS', progress: '5%' } });
    expect((await run(api, {}, { timeoutMs: 200 })).is).toBe('provider_timeout');
    await told;
  });

  test('keeps nobody waiting, whatever the provider makes of it', async () => {
    for (const reply of ['hang', 'drop', { status: 500, body: '' }, { status: 404, body: '' }] as const) {
      const api = await start();
      api.faultForever('cancel', reply);
      expect((await abandon(api, id)).is).toBe('the task is to stop');
    }
  }, 10_000);

  test('that has ended is not cancelled', async () => {
    const api = await start({ fork: 'trueai' });
    await run(api);
    api.fault('submit', { json: { code: 24, description: 'banned' } });
    await run(api);
    expect(api.of('cancel')).toEqual([]);
  });
});
