import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createGuardedClient, type GuardedClientOptions } from '../../../../server/images/guarded-client.js';
import { systemClock } from '../../../../server/images/providers/clock.js';
import type { RemoteProviderSettings } from '../../../../server/images/providers/settings.js';
import { createFakeInternet } from '../fake-internet.js';
import { DIALECTS } from './dialects.js';
import { startPictureHost } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { KEY, runPrompt, settingsFor, type Outcome, type Wanted } from './support.js';

/** An answer in which a provider gives away all it was sent. */
const chatter = `{"message":"no: ${KEY}","error":{"message":"${KEY}"},"description":"${KEY}"}`;
const HTML = '<!DOCTYPE html><html><body>Bad gateway</body></html>';

describe.each(DIALECTS)('$name', ({ name, start, path, makes, polls, calls }) => {
  let pictures: FakeServer;
  let api: FakeServer;
  beforeEach(async () => {
    pictures = await startPictureHost();
    api = await start(pictures.url);
  });
  afterEach(async () => {
    await api.close();
    await pictures.close();
  });

  const run = (changes: Partial<RemoteProviderSettings> = {}, wanted: Wanted = {}): Promise<Outcome> =>
    runPrompt(settingsFor(name, `${api.url}${path}`, { allowedOrigins: [pictures.url], ...changes }), {
      image_index: 3,
      ...wanted,
    });
  const kinds = (): string[] => api.seen.map(({ call }) => call);
  const withoutPolls = calls.filter((call) => call !== 'poll');

  test('makes the picture of a prompt, with progress that only rises and ends at 1', async () => {
    const { is, progress, retries } = await run();
    expect(is).toBe(makes);
    expect(kinds()).toEqual(calls);
    expect(retries).toEqual([]);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(new Set(progress).size).toBe(progress.length);
    expect(progress.at(-1)).toBe(1);
    expect(progress[0]).toBeLessThan(0.05);
    if (polls) expect(progress.some((share) => share > 0.2 && share < 0.4)).toBe(true);
  });

  test('sends the key with every request to the API and with none to the pictures', async () => {
    await run();
    for (const { headers } of api.seen) expect(JSON.stringify(headers)).toContain(KEY);
    expect(pictures.seen).not.toHaveLength(0);
    for (const { headers } of pictures.seen) expect(JSON.stringify(headers)).not.toContain(KEY);
  });

  test.each([401, 403])('status %i is provider_auth, asked once', async (status) => {
    api.faultForever('submit', { status, body: status === 401 ? '' : chatter });
    const outcome = await run();
    expect(outcome.is).toBe('provider_auth');
    expect(kinds()).toEqual(['submit']);
  });

  test('status 402 is provider_quota, asked once', async () => {
    api.faultForever('submit', { status: 402, body: chatter });
    expect((await run()).is).toBe('provider_quota');
    expect(kinds()).toEqual(['submit']);
  });

  test('a submission that fails with 500, 503 with a page, and a cut connection is made again', async () => {
    api.fault('submit', { status: 500, body: chatter }, { status: 503, body: HTML }, 'drop');
    const { is, backoffs, retries, requests } = await run();
    expect(is).toBe(makes);
    const failed = 'submit provider_unavailable';
    expect(requests).toEqual([failed, failed, failed, ...calls.map((call) => `${call} ok`)]);
    expect(backoffs).toEqual([1000, 2000, 4000]);
    expect(retries.map(({ call, attempt }) => [call, attempt])).toEqual([
      ['submit', 1],
      ['submit', 2],
      ['submit', 3],
    ]);
  });

  test('Retry-After is waited for', async () => {
    api.fault('submit', { status: 429, headers: { 'retry-after': '7' }, json: {} });
    const { is, backoffs } = await run();
    expect([is, backoffs]).toEqual([makes, [7000]]);
  });

  test('a Retry-After beyond the deadline ends at once', async () => {
    api.faultForever('submit', { status: 429, headers: { 'retry-after': '3600' }, json: {} });
    expect((await run()).is).toBe('provider_quota');
    expect(kinds()).toEqual(['submit']);
  });

  test('429 for ever is provider_quota, 503 for ever provider_unavailable, after five more attempts', async () => {
    api.faultForever('submit', { status: 429, body: HTML });
    const outcome = await run({ timeoutMs: 900_000 });
    expect([outcome.is, outcome.backoffs]).toEqual(['provider_quota', [1000, 2000, 4000, 8000, 16_000]]);
    api.faultForever('submit', { status: 503, body: HTML });
    expect((await run({ timeoutMs: 900_000 })).is).toBe('provider_unavailable');
    expect(kinds()).toHaveLength(12);
  });

  test('a provider that is not there is provider_unavailable', async () => {
    await api.close();
    const { is, message } = await run({ timeoutMs: 900_000 });
    expect(is).toBe('provider_unavailable');
    expect(message).not.toMatch(/127\.0\.0\.1/);
  });

  test.each([
    ['no JSON', { body: '{"success": tru' }],
    ['a page', { body: HTML }],
    ['nothing', { body: '' }],
    ['a list', { json: [] }],
    ['an empty object', { json: {} }],
    [
      'an id that is a path',
      { json: { success: true, messageId: '../v2', code: 1, result: '..', data: { id: '..' } } },
    ],
  ])('a submission answered with %s is provider_bad_answer and not sent again', async (_what, reply) => {
    api.faultForever('submit', reply);
    expect((await run()).is).toBe('provider_bad_answer');
    expect(kinds()).toEqual(['submit']);
  });

  test('an answer that would do but is larger than any should be is provider_bad_answer', async () => {
    const padding = 'x'.repeat(polls ? 2 ** 20 : 30 * 2 ** 20);
    const data = polls ? { id: 'a' } : [{ url: `${pictures.url}/ready-3.png` }];
    api.faultForever('submit', {
      json: { success: true, messageId: 'a', code: 1, result: 'a', data, padding },
    });
    expect((await run()).is).toBe('provider_bad_answer');
    expect(kinds()).toEqual(['submit']);
  });

  test('a prompt that was sent and met with silence is not sent again: it may have been taken', async () => {
    const createClient = (o: GuardedClientOptions = {}) => createGuardedClient({ ...o, idleMs: 300 });
    api.faultForever('submit', 'hang');
    expect((await run({}, { parts: { createClient } })).is).toBe('provider_unavailable');
    expect(kinds()).toEqual(['submit']);
  });

  test('a redirect of the API is not followed', async () => {
    api.faultForever('submit', { status: 307, headers: { location: `${pictures.url}/steal` } });
    const { is, message } = await run();
    expect(is).toBe('provider_bad_answer');
    expect(message).toContain('IMAGE_PROVIDER_URL');
    expect(pictures.seen).toEqual([]);
  });

  test('silence ends with provider_timeout at the deadline', async () => {
    api.faultForever('submit', 'hang');
    const { is, message } = await run({ timeoutMs: 150 });
    expect(is).toBe('provider_timeout');
    expect(message).toContain('0.15 s');
    expect(kinds()).toEqual(['submit']);
  });

  test('abort ends a request under way, with its own reason', async () => {
    api.faultForever('submit', 'hang');
    const abort = new AbortController();
    const ended = run({}, { signal: abort.signal });
    api.server.once('request', () => abort.abort(new Error('the task is to stop')));
    expect((await ended).is).toBe('the task is to stop');
  });

  test('an aborted task asks nothing', async () => {
    expect((await run({}, { signal: AbortSignal.abort(new Error('stopped')) })).is).toBe('stopped');
    expect(api.seen).toEqual([]);
  });

  test('a picture whose link is dead is provider_bad_answer', async () => {
    pictures.faultForever('picture', { status: 404, body: HTML });
    const { is, message } = await run();
    expect([is, message]).toEqual(['provider_bad_answer', expect.stringContaining('404')]);
    expect(pictures.seen).toHaveLength(1);
  });

  test.each([
    ['a page', { body: HTML }, 'an HTML page'],
    ['nothing', { body: '' }, 'an empty file'],
    ['a drawing', { body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }, 'an SVG drawing'],
    ['half a picture', { body: Buffer.from('\x89PNG\r\n\x1a\n0000', 'latin1') }, 'damaged'],
  ])('%s in place of the picture is provider_bad_answer and says so', async (_what, reply, said) => {
    pictures.faultForever('picture', reply);
    const { is, message } = await run();
    expect([is, message]).toEqual(['provider_bad_answer', expect.stringContaining(said)]);
  });

  test('a picture host that fails, cuts off and is busy is asked again, the provider is not', async () => {
    pictures.fault('picture', { status: 500 }, 'drop', { status: 429, headers: { 'retry-after': '9' } });
    const { is, backoffs } = await run();
    expect([is, backoffs]).toEqual([makes, [1000, 2000, 9000]]);
    expect(kinds()).toEqual(calls);
  });

  test('a picture in a private network is refused unless its origin is configured', async () => {
    const { is, message } = await run({ allowedOrigins: [] });
    expect(is).toBe('provider_bad_answer');
    expect(message).toMatch(/not allowed/);
    expect(message).not.toMatch(/127\.0\.0\.1/);
    expect(pictures.seen).toEqual([]);
  });

  test.each(['http://169.254.169.254/latest/meta-data/', 'http://localhost/', 'file:///etc/passwd'])(
    'a picture that redirects to %s is refused',
    async (location) => {
      pictures.faultForever('picture', { status: 302, headers: { location } });
      const { is } = await run();
      expect(is).toBe('provider_bad_answer');
      expect(pictures.seen).toHaveLength(1);
    },
  );

  test('a picture that redirects into the API’s own origin is refused: that is open to our calls only', async () => {
    pictures.faultForever('picture', { status: 302, headers: { location: `${api.url}/inside` } });
    expect((await run()).is).toBe('provider_bad_answer');
    expect(api.of('unknown')).toEqual([]);
  });

  test('the API may lie in a private network while the pictures come from the public internet', async () => {
    const internet = createFakeInternet();
    internet.place('127.0.0.1', api.server);
    internet.place('93.184.216.34', pictures.server);
    internet.name('cdn.example', ['93.184.216.34']);
    const publicApi = await start('http://cdn.example');
    internet.place('127.0.0.1', publicApi.server);
    const createClient = (o: GuardedClientOptions) =>
      createGuardedClient({ ...o, resolve: internet.resolve, connect: internet.connect });
    const settings = settingsFor(name, `${publicApi.url}${path}`);
    const { is } = await runPrompt(settings, { image_index: 3, parts: { createClient } });
    await publicApi.close();
    expect(is).toBe(makes);
    expect(internet.lookedUp).toEqual(['cdn.example']);
  });

  test('neither errors nor the log ever show the key or the provider’s words', async () => {
    const outcomes: Outcome[] = [];
    for (const status of [400, 401, 402, 403, 404, 409, 429, 500, 503]) {
      api.faultForever('submit', { status, body: chatter });
      outcomes.push(await run({ timeoutMs: 900_000 }));
    }
    for (const reply of ['drop', { body: chatter }, { body: `${KEY} is no JSON` }] as const) {
      api.faultForever('submit', reply);
      outcomes.push(await run({ timeoutMs: 900_000 }));
    }
    pictures.faultForever('picture', { status: 410, body: chatter });
    outcomes.push(await run());
    for (const { is, shown } of outcomes) {
      expect(is).toMatch(/^provider_/);
      expect(shown).not.toContain(KEY);
    }
    expect(new Set(outcomes.map(({ is }) => is)).size).toBeGreaterThanOrEqual(5);
  });

  if (!polls) return;
  describe('asking after a job', () => {
    test('goes on through errors, cut connections, garbage and pages without sending the prompt again', async () => {
      api.fault('poll', { status: 500, body: chatter }, 'drop', { body: '{"progress"' }, { body: HTML });
      const { is, retries } = await run();
      expect(is).toBe(makes);
      expect(retries.map(({ call }) => call)).toEqual(['poll', 'poll', 'poll', 'poll']);
      expect(kinds().filter((call) => call !== 'poll')).toEqual(withoutPolls);
    });

    test.each([
      ['provider_unavailable', { status: 502, body: HTML }],
      ['provider_bad_answer', { body: HTML }],
      ['provider_quota', { status: 429, body: '' }],
    ])(
      'that fails for good ends as %s after ten more attempts, the prompt sent once',
      async (code, reply) => {
        api.faultForever('poll', reply);
        const { is, backoffs } = await run({ timeoutMs: 900_000 });
        expect(is).toBe(code);
        expect(backoffs).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
        expect(api.of('submit')).toHaveLength(1);
      },
    );

    test('goes on after silence', async () => {
      const createClient = (o: GuardedClientOptions = {}) => createGuardedClient({ ...o, idleMs: 300 });
      api.fault('poll', 'hang');
      expect((await run({}, { parts: { createClient } })).is).toBe(makes);
      expect(api.of('submit')).toHaveLength(1);
    });

    test('waits the poll interval before each question', async () => {
      const waits: number[] = [];
      const clock = { random: () => 1, wait: (ms: number) => Promise.resolve(void waits.push(ms)) };
      await run({ pollMs: 1234 }, { parts: { clock } });
      expect(waits).toEqual(calls.filter((call) => call === 'poll').map(() => 1234));
    });

    test('a state that nobody knows is waited out until the deadline', async () => {
      const unknown = { status: 'DREAMING', progress: 'soon', id: 'x' };
      api.faultForever('poll', { json: { ...unknown, data: unknown } });
      const { is } = await run({ timeoutMs: 300 });
      expect(is).toBe('provider_timeout');
      expect(api.of('submit')).toHaveLength(1);
      expect(api.of('poll').length).toBeGreaterThan(2);
    });

    test('abort ends the wait between two questions, with its own reason', async () => {
      const abort = new AbortController();
      const clock = {
        random: () => 1,
        wait: (ms: number, signal: AbortSignal) => {
          queueMicrotask(() => abort.abort(new Error('the task is to stop')));
          return systemClock.wait(ms, signal);
        },
      };
      const { is } = await run({ pollMs: 3_600_000 }, { signal: abort.signal, parts: { clock } });
      expect(is).toBe('the task is to stop');
      expect(kinds()).toEqual(['submit']);
    });
  });
});
