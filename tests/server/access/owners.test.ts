import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { holdClips, type Answer, type HeldClips, type TestService } from '../support.js';
import { bearer, KEYS, startKeyedService, type Holder } from './keyed-service.js';

let service: TestService;
let held: HeldClips;
let mine: string;
beforeAll(async () => {
  held = holdClips();
  service = await startKeyedService({ make: held.make });
});
afterAll(() => service.close());

const as = (
  holder: Holder,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => service.call(method, path, body, { ...bearer(holder), ...headers });

const submit = async (holder: Holder): Promise<string> =>
  String((await as(holder, 'POST', '/tasks', { prompt: 'a fox' })).body.id);

const idsOf = ({ body }: Answer): string[] =>
  (Array.isArray(body) ? body : (body as { tasks: unknown[] }).tasks).map(
    (task) => (task as { id: string }).id,
  );

beforeEach(async () => {
  mine = await submit('alice');
});

describe('a task of another holder', () => {
  test.each([
    ['GET', (id: string) => `/tasks/${id}`],
    ['GET', (id: string) => `/status?id=${id}`],
    ['GET', (id: string) => `/tasks/${id}/events`],
    ['POST', (id: string) => `/tasks/${id}/cancel`],
    ['POST', (id: string) => `/tasks/${id}/rerun`],
    ['DELETE', (id: string) => `/tasks/${id}`],
    ['GET', (id: string) => `/download/video/${id}`],
    ['GET', (id: string) => `/download/thumbnail/${id}`],
    ['GET', (id: string) => `/download/grid/${id}`],
    ['GET', (id: string) => `/predictions/${id}`],
    ['POST', (id: string) => `/predictions/${id}/cancel`],
  ])('is not there for %s', async (method, path) => {
    const unknown = await as('bob', method, path('0'.repeat(32)));
    const other = await as('bob', method, path(mine));
    expect(other.status).toBe(404);
    // Nothing tells a task that is there from one that is not.
    expect(other.body).toEqual(unknown.body);
    expect((await as('alice', 'GET', `/tasks/${mine}`)).body.status).not.toBe('error');
  });

  test('is no place in a list', async () => {
    for (const path of ['/tasks', '/status']) {
      expect((await as('bob', 'GET', `${path}?before=${mine}`)).status).toBe(400);
      expect((await as('alice', 'GET', `${path}?before=${mine}`)).status).toBe(200);
    }
  });

  test('can be seen and ended by an admin', async () => {
    expect((await as('root', 'GET', `/tasks/${mine}`)).status).toBe(200);
    expect((await as('root', 'POST', `/tasks/${mine}/cancel`)).body.error.code).toBe('cancelled');
    expect((await as('root', 'DELETE', `/tasks/${mine}`)).status).toBe(204);
    expect((await as('alice', 'GET', `/tasks/${mine}`)).status).toBe(404);
  });
});

describe('lists', () => {
  test('hold the holder’s own tasks and their number, an admin’s all', async () => {
    const bobs = await submit('bob');
    for (const path of ['/tasks', '/status']) {
      const [alice, bob, root] = await Promise.all(
        (['alice', 'bob', 'root'] as const).map((holder) => as(holder, 'GET', path)),
      );
      expect(idsOf(alice)).toContain(mine);
      expect(idsOf(alice)).not.toContain(bobs);
      expect(idsOf(bob)).toContain(bobs);
      expect(idsOf(bob)).not.toContain(mine);
      expect(idsOf(root)).toEqual(expect.arrayContaining([mine, bobs]));
      const total = ({ headers }: Answer): number => Number(headers.get('x-total-count'));
      expect(total(alice)).toBe(idsOf(alice).length);
      expect(total(bob)).toBe(idsOf(bob).length);
      expect(total(root)).toBe(total(alice) + total(bob));
    }
  });

  test('of one holder are no 304 for another', async () => {
    await submit('bob');
    for (const path of ['/tasks', '/status']) {
      const etag = (await as('alice', 'GET', path)).headers.get('etag') ?? '';
      expect((await as('bob', 'GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
      expect((await as('root', 'GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
    }
  });

  test('keep their tag while others only get on', async () => {
    const bobs = await submit('bob');
    const done = await submit('alice');
    for (const id of idsOf(await as('alice', 'GET', '/tasks'))) {
      await as('alice', 'POST', `/tasks/${id}/cancel`);
    }
    await as('alice', 'POST', `/tasks/${done}/cancel`);
    const before = (await as('alice', 'GET', '/tasks')).headers.get('etag') ?? '';
    expect(before).not.toBe('');
    await as('bob', 'POST', `/tasks/${bobs}/cancel`);
    await submit('bob');
    const answer = await as('alice', 'GET', '/tasks', undefined, { 'if-none-match': before });
    expect([answer.status, answer.headers.get('etag')]).toEqual([304, before]);
  });

  test('lead to pages of the holder’s own', async () => {
    await submit('alice');
    await submit('bob');
    await submit('alice');
    const seen: string[] = [];
    for (let path: string | null = '/tasks?limit=1'; path;) {
      const page: Answer = await as('alice', 'GET', path);
      seen.push(...idsOf(page));
      path = page.body.next as string | null;
    }
    expect(seen).toEqual(idsOf(await as('alice', 'GET', '/tasks')));
  });
});

describe('Idempotency-Key', () => {
  test('is each holder’s own', async () => {
    const post = (holder: Holder, body: unknown): Promise<Answer> =>
      as(holder, 'POST', '/tasks', body, { 'idempotency-key': 'the same' });
    const alices = await post('alice', { prompt: 'a fox' });
    const bobs = await post('bob', { prompt: 'a wolf' });
    expect([alices.status, bobs.status]).toEqual([201, 201]);
    expect(bobs.body.id).not.toBe(alices.body.id);
    expect((await post('alice', { prompt: 'a fox' })).body.id).toBe(alices.body.id);
    expect((await post('bob', { prompt: 'a fox' })).status).toBe(422);
  });
});

describe('a rerun', () => {
  test('belongs to who asked for it', async () => {
    const { body } = await as('root', 'POST', `/tasks/${mine}/rerun`, { seed: 4 });
    expect((await as('alice', 'GET', `/tasks/${body.id}`)).status).toBe(404);
    expect((await service.table.get(String(body.id)))?.owner).toBe('root');
  });
});

describe('GET /events', () => {
  /** The events of a stream until one says `word`. */
  const hear = async (holder: Holder, word: () => string, act: () => Promise<unknown>): Promise<string> => {
    const stop = new AbortController();
    const response = await fetch(`${service.url}/events`, {
      headers: { ...bearer(holder) },
      signal: stop.signal,
    });
    const acted = act();
    let text = '';
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString();
        await acted;
        if (text.includes(word())) break;
      }
    } finally {
      stop.abort();
    }
    return text;
  };

  test('tells a holder of their own tasks, whatever becomes of others’', async () => {
    const bobs = await submit('bob');
    let last = '';
    const heard = await hear(
      'alice',
      () => last,
      async () => {
        await as('bob', 'POST', `/tasks/${bobs}/cancel`);
        await as('bob', 'DELETE', `/tasks/${bobs}`);
        last = await submit('alice');
      },
    );
    expect(heard).toContain(last);
    expect(heard).not.toContain(bobs);
    for (const id of idsOf(await as('bob', 'GET', '/tasks'))) expect(heard).not.toContain(id);
  });

  test('tells an admin of all', async () => {
    let last = '';
    const heard = await hear(
      'root',
      () => last,
      async () => {
        last = await submit('bob');
      },
    );
    expect(heard).toContain(last);
  });

  test('gives places that do not say how much has happened', async () => {
    const place = async (): Promise<string> =>
      (await as('alice', 'GET', '/tasks')).headers.get('last-event-id') ?? '';
    const first = await place();
    await submit('bob');
    const second = await place();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    const differing = [...first].filter((digit, i) => digit !== second[i]).length;
    expect(differing).toBeGreaterThan(16);
  });
});

test('a task remembers its owner and nothing of the key', async () => {
  const task = await service.table.get(mine);
  expect(task?.owner).toBe('alice');
  expect(JSON.stringify(task)).not.toContain(KEYS.alice);
  expect(JSON.stringify((await as('alice', 'GET', `/tasks/${mine}`)).body)).not.toContain('alice');
});
