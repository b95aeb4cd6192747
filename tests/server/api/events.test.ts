import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Task } from '../../../server/tasks/task.js';
import { listen, type EventListener, type Heard } from '../event-listener.js';
import { holdClips, startService, type TestService } from '../support.js';
import { newTask } from '../tasks/support.js';

const RESULT = {
  videos: [{ file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: 7, frames: 25, bytes: 9 }],
};

/** Quick for tests, and so long that nothing ends by itself unless a test wants it to. */
const QUICK = { heartbeatMs: 60_000, maxMs: 60_000, intervalMs: 2, retryMs: 1 };

let service: TestService;
beforeAll(async () => {
  service = await startService({ eventTimes: QUICK });
});
afterAll(() => service.close());

const listeners: EventListener[] = [];
const follow = (path: string, of = service): EventListener => {
  const listener = listen(`${of.url}${path}`);
  listeners.push(listener);
  return listener;
};
afterEach(() => {
  jest.restoreAllMocks();
  for (const listener of listeners.splice(0)) listener.close();
});

const create = async (of = service): Promise<Task> => of.table.create(newTask());
const running = async (of = service): Promise<Task> => {
  const task = await create(of);
  await of.table.start(task.id, 'encode');
  return task;
};
const report = (id: string, step: number, of = service): void =>
  of.table.report(id, { stage: 'sample', part: 1, parts: 1, step, steps: 100, progress: step / 100 });
const merge = (events: readonly Heard[]): Record<string, unknown> =>
  Object.assign({}, ...events.map(({ data }) => data as object)) as Record<string, unknown>;
/** Waits until the server has nothing under way for the moment. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('GET /tasks/:id/events', () => {
  test('tells first all of a task, then what changes, at last the whole task, and then no more', async () => {
    const { id } = await create();
    const listener = follow(`/tasks/${id}/events`);
    const first = await listener.until(() => true);
    expect(first).toMatchObject({ event: 'progress', data: { id, status: 'queued', params: { seed: 7 } } });
    expect(first.data).toEqual((await service.call('GET', `/tasks/${id}`)).body);

    await service.table.start(id, 'encode');
    await listener.until(({ data }) => data.status === 'processing');
    report(id, 3);
    const step = await listener.until(({ data }) => data.step === 3);
    expect(step.data).toEqual({ stage: 'sample', part: 1, parts: 1, step: 3, steps: 100, progress: 0.03 });

    await service.table.complete(id, RESULT, 7);
    const done = await listener.until(({ event }) => event === 'done');
    expect(done.data).toEqual((await service.call('GET', `/tasks/${id}`)).body);
    expect(done.data).toMatchObject({ status: 'completed', urls: { video: `/download/video/${id}` } });
    expect(await listener.over).toBe(204);
    expect(listener.heard.at(-1)).toBe(done);
    expect(listener.connections).toEqual([null, done.id]);
  });

  test.each([
    ['failed', 'not_finite'],
    ['cancelled', 'cancelled'],
  ])('a %s task is done with its error', async (_how, code) => {
    const { id } = await running();
    const listener = follow(`/tasks/${id}/events`);
    await listener.until(() => true);
    await service.table.fail(id, { code, message: 'It ended' });
    const done = await listener.until(({ event }) => event === 'done');
    expect(done.data).toMatchObject({ status: 'error', error: { code }, stage: 'encode' });
    expect(await listener.over).toBe(204);
  });

  test('of a task that has ended is the end alone', async () => {
    const { id } = await running();
    await service.table.complete(id, RESULT, 7);
    const listener = follow(`/tasks/${id}/events`);
    expect(await listener.over).toBe(204);
    expect(listener.heard.map(({ event }) => event)).toEqual(['done']);
  });

  test('a task that is deleted says so', async () => {
    const { id } = await running();
    await service.table.complete(id, RESULT, 7);
    const other = await running();
    const listener = follow(`/tasks/${other.id}/events`);
    await listener.until(() => true);
    // Both moves before the client can be told of the first.
    await Promise.all([
      service.table.fail(other.id, { code: 'x', message: 'x' }),
      service.table.remove(other.id),
    ]);
    await listener.until(({ event }) => event === 'deleted' || event === 'done');
    expect([204, 404]).toContain(await listener.over);
  });

  test('a stream that ends is taken up where it ended: no gap, nothing twice', async () => {
    const brief = await startService({ eventTimes: { ...QUICK, maxMs: 25, intervalMs: 1 } });
    try {
      const { id } = await running(brief);
      const listener = follow(`/tasks/${id}/events`, brief);
      await listener.until(() => true);
      for (let step = 1; listener.connections.length < 8; step++) {
        brief.table.report(id, {
          stage: 'sample',
          part: 1,
          parts: 1,
          step,
          steps: 1e6,
          progress: step / 1e6,
        });
        await settle();
      }
      await brief.table.complete(id, RESULT, 100);
      await listener.over;

      const { heard } = listener;
      expect(heard.length).toBeGreaterThan(20);
      expect(new Set(heard.map((event) => event.id)).size).toBe(heard.length);
      const state: Record<string, unknown> = {};
      for (const { event, data } of heard) {
        for (const [field, value] of Object.entries(data as Record<string, unknown>)) {
          // A field is only told when it is another; the last event repeats the task.
          if (event === 'progress') expect([field, value]).not.toEqual([field, state[field]]);
          state[field] = value;
        }
      }
      expect(state).toEqual((await brief.call('GET', `/tasks/${id}`)).body);
      const steps = heard.slice(0, -1).map(({ data }) => Number(data.step ?? 0));
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
    } finally {
      await brief.close();
    }
  });

  test('goes on from an answer of GET /tasks/:id by ?last_event_id=', async () => {
    const { id } = await running();
    const { headers, body } = await service.call('GET', `/tasks/${id}`);
    const listener = follow(`/tasks/${id}/events?last_event_id=${headers.get('last-event-id')}`);
    await listener.connected();
    report(id, 9);
    const first = await listener.until(() => true);
    expect(first.data).toEqual({ stage: 'sample', part: 1, parts: 1, step: 9, steps: 100, progress: 0.09 });
    expect({ ...body, ...first.data }).toEqual((await service.call('GET', `/tasks/${id}`)).body);
  });

  test('what happened between two connections is told by the second', async () => {
    const { id } = await running();
    const before = follow(`/tasks/${id}/events`);
    const { id: last } = await before.until(() => true);
    before.close();
    report(id, 1);
    report(id, 2);
    const after = follow(`/tasks/${id}/events?last_event_id=${last}`);
    expect((await after.until(() => true)).data).toEqual({
      stage: 'sample',
      part: 1,
      parts: 1,
      step: 2,
      steps: 100,
      progress: 0.02,
    });
  });

  test.each(['nonsense', '0123456789ab-5', 'a-b-c', '-'])('an id such as %s begins anew', async (last) => {
    const { id } = await running();
    const listener = follow(`/tasks/${id}/events?last_event_id=${last}`);
    expect((await listener.until(() => true)).data).toMatchObject({ id, params: { seed: 7 } });
  });

  test('who has heard the end from an earlier run of the server hears nothing more', async () => {
    const { id } = await running();
    await service.table.complete(id, RESULT, 7);
    const response = await fetch(`${service.url}/tasks/${id}/events`, {
      headers: { 'last-event-id': '0123456789ab-5-done' },
    });
    expect(response.status).toBe(204);
  });

  test('those who wait hear of their place in the queue, though they themselves have not changed', async () => {
    const held = holdClips();
    const busy = await startService({ make: held.make, eventTimes: QUICK });
    try {
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) {
        ids.push((await busy.call('POST', '/tasks', { prompt: 'a fox' })).body.id as string);
        if (i === 0) await held.running(ids[0]);
      }
      const listener = follow(`/tasks/${ids[2]}/events`, busy);
      await listener.until(({ data }) => data.queue_position === 2);
      await busy.call('POST', `/tasks/${ids[1]}/cancel`);
      await listener.until(({ data }) => data.queue_position === 1);
      held.release(ids[0]);
      await listener.until(({ data }) => data.queue_position === null);
      held.release(ids[2]);
      await listener.until(({ event }) => event === 'done');
      expect(merge(listener.heard)).toEqual((await busy.call('GET', `/tasks/${ids[2]}`)).body);
    } finally {
      await busy.close();
    }
  });

  test('of an unknown task is a 404', async () => {
    expect(await service.call('GET', `/tasks/${'f'.repeat(32)}/events`)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });
});

describe('a stream', () => {
  /** Reads a stream until its text satisfies `holds`, or its end. */
  const read = async (response: Response, holds: (text: string) => boolean): Promise<string> => {
    let text = '';
    const reader = response.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return text;
      text += new TextDecoder().decode(part.value as Uint8Array);
      if (holds(text)) {
        await reader?.cancel();
        return text;
      }
    }
  };

  test('is marked for proxies, asks to come back soon, and beats', async () => {
    const beating = await startService({ eventTimes: { ...QUICK, heartbeatMs: 5, retryMs: 1234 } });
    try {
      const { id } = await running(beating);
      for (const path of [`/tasks/${id}/events`, '/events']) {
        const response = await fetch(`${beating.url}${path}`);
        expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
        expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
        expect(response.headers.get('x-accel-buffering')).toBe('no');
        const text = await read(response, (t) => (t.match(/^:$/gm) ?? []).length >= 3);
        expect(text).toMatch(/^retry: 1234\n\n/);
      }
    } finally {
      await beating.close();
    }
  });

  test('ends by itself', async () => {
    const brief = await startService({ eventTimes: { ...QUICK, maxMs: 30 } });
    try {
      const { id } = await running(brief);
      for (const path of [`/tasks/${id}/events`, '/events']) {
        expect(await read(await fetch(`${brief.url}${path}`), () => false)).toMatch(/^retry: 1\n\nevent: /);
      }
    } finally {
      await brief.close();
    }
  });

  test('tells a fast task in few events, and its newest state in the last', async () => {
    const calm = await startService({ eventTimes: { ...QUICK, intervalMs: 50 } });
    try {
      const { id } = await running(calm);
      const listener = follow(`/tasks/${id}/events`, calm);
      await listener.until(() => true);
      const start = performance.now();
      for (let step = 1; step <= 100; step++) {
        report(id, step, calm);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await listener.until(({ data }) => data.step === 100);
      const elapsed = performance.now() - start;
      expect(listener.heard.length).toBeLessThanOrEqual(2 + Math.ceil(elapsed / 50));
    } finally {
      await calm.close();
    }
  });

  test('shares its reading with all others of its task, and reads nothing while nothing changes', async () => {
    const { id } = await running();
    const snapshot = jest.spyOn(service.table, 'snapshot');
    const many = Array.from({ length: 40 }, () => follow(`/tasks/${id}/events`));
    await Promise.all(many.map((listener) => listener.until(() => true)));
    expect(snapshot).toHaveBeenCalledTimes(1);
    for (let step = 1; step <= 5; step++) {
      report(id, step);
      await Promise.all(many.map((listener) => listener.until(({ data }) => data.step === step)));
    }
    expect(snapshot).toHaveBeenCalledTimes(6);
    report((await running()).id, 50);
    await settle();
    expect(snapshot).toHaveBeenCalledTimes(6);
  });

  test('that nobody hears any more costs nothing', async () => {
    const { id } = await running();
    const gone: Promise<unknown>[] = [];
    const onRequest = (_request: unknown, response: ServerResponse): void => {
      gone.push(new Promise((resolve) => response.once('close', resolve)));
    };
    service.server.on('request', onRequest);
    const both = [follow('/events'), follow(`/tasks/${id}/events`)];
    await Promise.all(both.map((listener) => listener.until(() => true)));
    service.server.off('request', onRequest);
    for (const listener of both) listener.close();
    await Promise.all(gone);
    await settle();
    const snapshot = jest.spyOn(service.table, 'snapshot');
    report(id, 1);
    await settle();
    expect(gone).toHaveLength(2);
    expect(snapshot).not.toHaveBeenCalled();
  });

  test('that its client does not take waits with its news, and is cut off in the end', async () => {
    const brief = await startService({ eventTimes: { ...QUICK, maxMs: 300, heartbeatMs: 50 } });
    try {
      const accepted = new Promise<Socket>((resolve) => brief.server.once('connection', resolve));
      void accepted.then((connection) => connection.cork()); // as a network that takes nothing
      const client = connect({ port: brief.port, host: '127.0.0.1' });
      client.on('error', () => undefined);
      client.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
      const connection = await accepted;
      const cut = new Promise((resolve) => connection.once('close', resolve));
      const snapshot = jest.spyOn(brief.table, 'snapshot');
      for (let i = 0; i < 200; i++) {
        await brief.table.create(newTask({ source: { type: 'prompt', prompt: 'x'.repeat(8000) } }));
        if (i % 10 === 0) await settle();
      }
      expect(connection.writableLength).toBeLessThan(100_000);
      expect(snapshot.mock.calls.length).toBeLessThan(30);
      await cut;
      client.destroy();
    } finally {
      await brief.close();
    }
  });

  test('is only begun for a GET', async () => {
    const { id } = await running();
    for (const path of [`/tasks/${id}/events`, '/events']) {
      const response = await fetch(`${service.url}${path}`, { method: 'HEAD' });
      expect([response.status, await response.text()]).toEqual([200, '']);
    }
  });
});

describe('GET /events', () => {
  test('tells of every task: new, getting on, done, deleted', async () => {
    const listener = follow('/events');
    await listener.until(({ event }) => event === 'queue');
    const { id } = await create();
    await listener.until(({ event, data }) => event === 'progress' && data.id === id);
    await service.table.start(id, 'encode');
    const other = await running();
    report(id, 4);
    const step = await listener.until(({ data }) => data.id === id && data.step === 4);
    expect(step.data).toEqual((await service.call('GET', `/tasks/${id}`)).body);
    await listener.until(({ data }) => data.id === other.id && data.status === 'processing');
    await service.table.complete(id, RESULT, 7);
    const done = await listener.until(({ event, data }) => event === 'done' && data.id === id);
    expect(done.data).toMatchObject({ status: 'completed', progress: 1 });
    await service.table.remove(id);
    expect((await listener.until(({ event }) => event === 'deleted')).data).toEqual({ id });
  });

  test('goes on from a list without gap and without repeating', async () => {
    const brief = await startService({ eventTimes: { ...QUICK, maxMs: 20, intervalMs: 1 } });
    try {
      const tasks = await Promise.all([running(brief), running(brief), create(brief)]);
      const list = await brief.call('GET', '/tasks');
      const state = new Map<string, unknown>(list.body.tasks.map((task: Task) => [task.id, task]));
      const listener = follow(`/events?last_event_id=${list.headers.get('last-event-id')}`, brief);
      for (let step = 1; listener.connections.length < 8; step++) {
        brief.table.report(tasks[step % 2].id, {
          stage: 'sample',
          part: 1,
          parts: 1,
          step,
          steps: 1e6,
          progress: step / 1e6,
        });
        if (step % 200 === 0) await create(brief);
        await settle();
      }
      await brief.table.complete(tasks[0].id, RESULT, 7);
      await brief.table.remove(tasks[0].id);
      await listener.until(({ event }) => event === 'deleted');
      expect(listener.heard.map(({ event }) => event)).not.toContain('reset');
      for (const { event, data } of listener.heard) {
        if (event === 'queue') continue;
        if (event === 'deleted') state.delete(data.id);
        else {
          expect(data).not.toEqual(state.get(data.id));
          state.set(data.id, data);
        }
      }
      const now = (await brief.call('GET', '/tasks')).body.tasks as Task[];
      expect(state).toEqual(new Map(now.map((task) => [task.id, task])));
    } finally {
      await brief.close();
    }
  });

  test('lists those who wait, whenever that is another list', async () => {
    const held = holdClips();
    const busy = await startService({ make: held.make, eventTimes: QUICK });
    try {
      const listener = follow('/events', busy);
      expect((await listener.until(({ event }) => event === 'queue')).data).toEqual({
        waiting: 0,
        tasks: [],
      });
      const a = (await busy.call('POST', '/tasks', { prompt: 'a fox' })).body.id;
      await held.running(a); // before the other comes, whose picture may be there first
      const b = (await busy.call('POST', '/tasks', { prompt: 'a fox' })).body.id;
      const waits = ({ event, data }: Heard): boolean => event === 'queue' && data.tasks[0]?.id === b;
      expect((await listener.until(waits)).data).toEqual({
        waiting: 1,
        tasks: [{ id: b, queue_position: 1, eta_seconds: null }],
      });
      const before = listener.heard.length;
      await busy.call('POST', `/tasks/${b}/cancel`);
      const empty = ({ event, data }: Heard): boolean => event === 'queue' && data.waiting === 0;
      await listener.until((heard) => listener.heard.indexOf(heard) >= before && empty(heard));
      held.release(a);
    } finally {
      await busy.close();
    }
  });

  test.each(['nonsense', '0123456789ab-5'])(
    'with an id such as %s says that the list is to be read anew',
    async (last) => {
      await running();
      const listener = follow(`/events?last_event_id=${last}`);
      const reset = await listener.until(() => true);
      expect(reset).toMatchObject({ event: 'reset', data: {} });
      const { id } = await running();
      await listener.until(({ data }) => data.id === id);
    },
  );

  test('many changes at once arrive in their order, each task once', async () => {
    const listener = follow('/events');
    await listener.until(() => true);
    const ids: string[] = [];
    for (let i = 0; i < 180; i++) ids.push((await create()).id);
    await listener.until(({ data }) => data.id === ids.at(-1));
    const told = listener.heard
      .filter(({ event }) => event === 'progress')
      .map(({ data }) => String(data.id));
    expect(told).toEqual(ids);
  });
});
