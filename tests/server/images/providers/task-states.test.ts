import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createPictureObtainer } from '../../../../server/images/obtain.js';
import { localPictureWork } from '../../../../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../../../../server/images/picture.js';
import { createPictureProvider } from '../../../../server/images/providers/create-provider.js';
import type { TaskView } from '../../../../server/tasks/view.js';
import { startService, type TestService } from '../../support.js';
import { DIALECTS } from './dialects.js';
import { startPictureHost } from './fake-pictures.js';
import type { FakeServer } from './fake-server.js';
import { instantClock, settingsFor } from './support.js';

const HTML = '<!DOCTYPE html><html><body>Bad gateway</body></html>';
const METADATA = 'http://169.254.169.254/latest/meta-data/';

describe.each(DIALECTS)(
  'a task whose picture comes from $name',
  ({ name, start, path, polls, banned, full }) => {
    let pictures: FakeServer;
    let api: FakeServer;
    let services: TestService[];
    beforeEach(async () => {
      pictures = await startPictureHost();
      api = await start(pictures.url);
      services = [];
    });
    afterEach(async () => {
      await Promise.all(services.map((service) => service.close()));
      await api.close();
      await pictures.close();
    });

    const serve = async (timeoutMs = 900_000): Promise<TestService> => {
      const settings = settingsFor(name, `${api.url}${path}`, { allowedOrigins: [pictures.url], timeoutMs });
      const parts = { limits: PICTURE_LIMITS, work: localPictureWork };
      const service = await startService({
        pictures: createPictureObtainer({
          ...parts,
          provider: createPictureProvider(settings, { ...parts, clock: instantClock() }),
          download: () => Promise.reject(new Error('A prompt is no address')),
        }),
      });
      services.push(service);
      return service;
    };
    /** Sends a prompt and follows its task to the end. Gives the task and the progress it showed at the image stage. */
    const run = async (
      service: TestService,
      prompt: string,
    ): Promise<{ task: TaskView; shown: number[] }> => {
      const shown: number[] = [];
      service.table.on('change', (id) => {
        void service.table.get(id).then((task) => task?.stage === 'image' && shown.push(task.progress));
      });
      const { body } = await service.call('POST', '/img2vid', { prompt });
      return { task: await service.ended((body as TaskView).id), shown };
    };
    const endOf = async (timeoutMs?: number): Promise<unknown> => {
      const { task } = await run(await serve(timeoutMs), 'a fox and gore');
      return task.error?.code ?? task.status;
    };

    test('shows progress and completes', async () => {
      const { task, shown } = await run(await serve(), 'a fox');
      expect(task).toMatchObject({ status: 'completed', error: null, progress: 1 });
      expect(shown).toEqual([...shown].sort((a, b) => a - b));
      expect(new Set(shown).size).toBeGreaterThan(polls ? 4 : 1);
    });

    test('completes after an answer of 500, and after a page, a cut connection and a busy host', async () => {
      api.fault('submit', { status: 500, body: HTML }, 'drop');
      pictures.fault('picture', { status: 429, body: HTML }, 'drop');
      expect(await endOf()).toBe('completed');
    });

    test.each([
      ['a banned prompt', 'submit', banned, 'provider_rejected_prompt'],
      ['a queue that stays full', 'submit', full, 'provider_unavailable'],
      ['a quota that is used up', 'submit', { status: 402, json: {} }, 'provider_quota'],
      ['a key that is refused', 'submit', { status: 401, body: '' }, 'provider_auth'],
      ['an answer that is no JSON', 'submit', { body: '{"success": tru' }, 'provider_bad_answer'],
      ['a page for an answer', 'submit', { body: HTML }, 'provider_bad_answer'],
      [
        'a redirect of the API',
        'submit',
        { status: 302, headers: { location: METADATA } },
        'provider_bad_answer',
      ],
    ] as const)('fails for %s', async (_what, call, reply, code) => {
      api.faultForever(call, reply);
      expect(await endOf()).toBe(code);
      expect(pictures.seen).toEqual([]);
    });

    test.each([
      ['that redirects to a private address', { status: 302, headers: { location: METADATA } }],
      ['whose link is dead', { status: 404, body: HTML }],
      ['that is a page', { body: HTML }],
    ])('fails for a picture %s', async (_what, reply) => {
      pictures.faultForever('picture', reply);
      expect(await endOf()).toBe('provider_bad_answer');
    });

    test('fails when the provider is too slow', async () => {
      api.faultForever(polls ? 'poll' : 'submit', 'hang');
      expect(await endOf(300)).toBe('provider_timeout');
    });

    test('is cancelled while the provider works', async () => {
      const service = await serve();
      api.faultForever(polls ? 'poll' : 'submit', 'hang');
      const asked = new Promise((resolve) =>
        api.server.on('request', () => api.seen.length >= (polls ? 1 : 0) && resolve(undefined)),
      );
      const { body } = await service.call('POST', '/img2vid', { prompt: 'a fox' });
      await asked;
      const { id } = body as TaskView;
      await service.call('POST', `/tasks/${id}/cancel`);
      expect((await service.ended(id)).error?.code).toBe('cancelled');
    });
  },
);
