import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { pageSchema } from '../../../../server/api/cog/list.js';
import { newTask } from '../../tasks/support.js';
import { holdClips, startService, type HeldClips, type TestService } from '../../support.js';
import { image, send } from './support.js';

const ASYNC = { prefer: 'respond-async' };

let held: HeldClips;
let service: TestService;
beforeEach(async () => {
  held = holdClips();
  service = await startService({ make: held.make });
});
afterEach(() => service.close());

const create = async (more: object = {}): Promise<string> =>
  (await service.call('POST', '/predictions', { input: { image }, ...more }, ASYNC)).body.id as string;
const finish = async (id: string): Promise<void> => {
  held.release(id);
  await service.ended(id);
};

describe('cancel', () => {
  test('ends a running prediction and one that waits, and answers with it', async () => {
    const running = await create();
    const waiting = await create();
    await held.running(running);
    for (const id of [waiting, running]) {
      const { status, body } = await service.call('POST', `/predictions/${id}/cancel`);
      expect([status, body.id, body.status, body.error, body.output]).toEqual([
        200,
        id,
        'canceled',
        null,
        null,
      ]);
      expect((await service.call('GET', `/predictions/${id}`)).body.status).toBe('canceled');
    }
    expect((await service.call('GET', `/predictions/${waiting}`)).body).toMatchObject({
      started_at: null,
      metrics: { total_time: expect.any(Number) },
    });
  });

  test('leaves a prediction that has ended as it is', async () => {
    const id = await create();
    await finish(id);
    const { status, body } = await service.call('POST', `/predictions/${id}/cancel`);
    expect([status, body.status]).toEqual([200, 'succeeded']);
  });

  test('a prediction that is waited for is answered as canceled', async () => {
    const answer = service.call('PUT', '/predictions/x', { input: { image } });
    await new Promise((resolve) => service.table.once('change', resolve));
    await service.call('POST', '/predictions/x/cancel');
    expect(await answer).toMatchObject({ status: 200, body: { id: 'x', status: 'canceled', output: null } });
  });
});

describe('GET', () => {
  test('says of a video that has been deleted that it is gone', async () => {
    const id = await create();
    await finish(id);
    await rm(service.storage.folder(id), { recursive: true });
    expect((await service.call('GET', `/predictions/${id}`)).body).toMatchObject({
      status: 'succeeded',
      output: null,
      data_removed: true,
    });
  });

  test('knows predictions only', async () => {
    const { body } = await service.call('POST', '/tasks', { prompt: 'a fox' });
    expect((await service.call('GET', `/predictions/${body.id}`)).status).toBe(404);
    expect((await service.call('POST', `/predictions/${body.id}/cancel`)).status).toBe(404);
    expect((await service.call('GET', '/predictions')).body.results).toEqual([]);
  });

  test.each([
    ['GET', '/predictions/none'],
    ['POST', '/predictions/none/cancel'],
    ['GET', '/predictions/%zz'],
    ['GET', '/predictions/a/b/c'],
  ])('%s %s is a 404 in Cog’s form', async (method, path) => {
    const { status, body } = await service.call(method, path);
    expect([status, body]).toEqual([404, { detail: expect.any(String) }]);
  });

  test.each([
    ['DELETE', '/predictions'],
    ['POST', '/predictions/a'],
    ['POST', '/health-check'],
  ])('%s %s is a 405 in Cog’s form', async (method, path) => {
    const { status, body, headers } = await service.call(method, path);
    expect([status, body]).toEqual([405, { detail: expect.any(String) }]);
    expect(headers.get('allow')).toMatch(/GET|PUT/);
  });
});

describe('the list', () => {
  test('has the newest first, with links instead of data', async () => {
    const first = await create();
    await finish(first);
    const second = await create({ id: 'second' });
    const { body } = await service.call('GET', '/predictions');
    const page = pageSchema.strict().parse(body);
    expect(page).toMatchObject({ previous: null, next: null });
    expect(page.results.map(({ id, status, output }) => [id, status, output])).toEqual([
      [second, expect.stringMatching(/starting|processing/), null],
      [first, 'succeeded', [`/download/video/${first}`]],
    ]);
  });

  test('leads from page to page', async () => {
    const origin = { api: 'cog', externalId: null, request: null } as const;
    for (let i = 0; i < 101; i++) await service.table.create(newTask({ origin }));
    const first = (await service.call('GET', '/predictions')).body;
    expect(first.results).toHaveLength(100);
    const second = (await service.call('GET', first.next)).body;
    expect(second).toMatchObject({ next: null, results: [{ status: 'starting' }] });
    const all = [...first.results, ...second.results].map(({ id }: { id: string }) => id);
    expect(new Set(all).size).toBe(101);
  });

  test.each(['?cursor=none', '?cursor=a&cursor=b'])('%s is a 422 that names the cursor', async (query) => {
    const { status, body } = await service.call('GET', `/predictions${query}`);
    expect([status, body.detail[0].loc]).toEqual([422, ['query', 'cursor']]);
  });
});

describe('a request that is wrong', () => {
  const IMAGE = ['body', 'input', 'image'];
  test.each<[string, unknown, unknown[][]]>([
    ['no picture', { input: {} }, [IMAGE]],
    ['no input', {}, [IMAGE]],
    ['null as input', { input: null, id: null, webhook: null }, [IMAGE]],
    ['null as picture', { input: { image: null } }, [IMAGE]],
    ['a number as picture', { input: { image: 5 } }, [IMAGE]],
    ['another scheme', { input: { image: 'ftp://a.example/p.png' } }, [IMAGE]],
    ['credentials', { input: { image: 'https://me:secret@a.example/p.png' } }, [IMAGE]],
    ['data that is not base64', { input: { image: 'data:image/png;base64,!!!' } }, [IMAGE]],
    ['data that is no picture', { input: { image: 'data:image/png;base64,aGVsbG8=' } }, [IMAGE]],
    ['data without base64', { input: { image: 'data:image/svg+xml;utf8,<svg/>' } }, [IMAGE]],
    ['an array as input', { input: [] }, [['body', 'input']]],
    ['a text as input', { input: 'x' }, [['body', 'input']]],
    [
      'several faults',
      { input: { image, width: 'wide', num_frames: 2.5, enable_deepcache: 'maybe', cache_interval: 0 } },
      ['enable_deepcache', 'cache_interval', 'width', 'num_frames'].map((name) => ['body', 'input', name]),
    ],
    ['a width that the model cannot do', { input: { image, width: 577 } }, [['body', 'input', 'width']]],
    ['a height that is too large', { input: { image, height: 2048 } }, [['body', 'input', 'height']]],
    [
      'too many frames together',
      { input: { image, width: 1024, height: 1024, num_frames: 26 } },
      [['body', 'input', 'num_frames']],
    ],
    [
      'our own names',
      { input: { image, W: 1, T: 0 } },
      [
        ['body', 'input', 'W'],
        ['body', 'input', 'T'],
      ],
    ],
    [
      'too many frames by our own name',
      { input: { image, W: 1024, H: 1024, T: 26 } },
      [['body', 'input', 'T']],
    ],
    ['a webhook into the network', { webhook: 'http://127.0.0.1/', input: { image } }, [['body', 'webhook']]],
    ['a webhook that is no text', { webhook: 5, input: { image } }, [['body', 'webhook']]],
    [
      'an event that there is none of',
      { webhook: 'https://a.example/', webhook_events_filter: ['end'], input: { image } },
      [['body', 'webhook_events_filter', 0]],
    ],
    ['an id that is no text', { id: 7, input: { image } }, [['body', 'id']]],
    ['a time that is none', { created_at: 'yesterday', input: { image } }, [['body', 'created_at']]],
  ])('%s is a 422 that says where', async (_, body, places) => {
    const answer = await service.call('POST', '/predictions', body);
    expect(answer.status).toBe(422);
    expect(Object.keys(answer.body as object)).toEqual(['detail']);
    expect(answer.body.detail.map(({ loc }: { loc: unknown }) => loc)).toEqual(places);
    for (const fault of answer.body.detail) {
      expect(fault).toEqual({
        loc: fault.loc,
        msg: expect.stringMatching(/\w/),
        type: expect.stringMatching(/_error/),
      });
      expect(JSON.stringify(fault)).not.toMatch(/secret|rocket/);
    }
    expect(await service.table.count()).toBe(0);
  });

  test('what is wrong is said in full, under the client’s own name', async () => {
    const { body } = await service.call('POST', '/predictions', { input: { image, width: 577 } });
    expect(body.detail[0].msg).toBe(
      'Expected `width` to be an integer from 64 to 1024, a multiple of 8, got 577 (number)',
    );
    const missing = await service.call('POST', '/predictions', { input: {} });
    expect(missing.body.detail[0]).toMatchObject({
      msg: expect.stringMatching(/^field required/),
      type: 'value_error.missing',
    });
  });

  test.each([
    ['half a body', '{"input":', 422, 'application/json'],
    ['no body', '', 422, 'application/json'],
    ['a prototype', '{"input":{"image":"x","__proto__":{}}}', 422, 'application/json'],
    ['an array', '[]', 422, 'application/json'],
    ['another type', 'image=x', 422, 'text/plain'],
    ['a huge body', 'x'.repeat(30 * 2 ** 20), 413, 'application/json'],
  ])('%s is told in Cog’s form', async (_, text, status, type) => {
    const answer = await send(service, 'POST', '/predictions', text, { 'content-type': type });
    expect([answer.status, Object.keys(answer.body as object)]).toEqual([status, ['detail']]);
  });

  test('the picture may be as large as any upload', async () => {
    const padded = `data:image/jpeg;base64,${Buffer.concat([Buffer.from(image.slice(23), 'base64'), Buffer.alloc(19 * 2 ** 20)]).toString('base64')}`;
    const { status } = await service.call('POST', '/predictions', { input: { image: padded } }, ASYNC);
    expect(status).toBe(202);
  });
});

test('the process cannot be ended from outside', async () => {
  expect((await service.call('POST', '/shutdown')).status).toBe(404);
  expect((await service.call('GET', '/predictions')).status).toBe(200);
});
