import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino, type Logger } from 'pino';
import { PipelineError } from '../../../pipeline/errors.js';
import { createGuardedClient } from '../../../server/images/guarded-client.js';
import { openDatabase } from '../../../server/tasks/database.js';
import { holdClips, makeClip, startService, withResolvers, type TestService } from '../support.js';
import { startReceiver, type Answering, type Receiver } from './receiver.js';
import { verify } from './verify.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const QUICK = [1, 1, 1];

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const receive = async (answer?: Answering): Promise<Receiver> => {
  const receiver = await startReceiver(answer);
  open.unshift(receiver);
  return receiver;
};
type Options = NonNullable<Parameters<typeof startService>[0]>;
const serve = async (receiver: Receiver | undefined, options: Options = {}): Promise<TestService> => {
  const service = await startService({
    ...options,
    env: {
      WEBHOOK_SECRET: SECRET,
      ...(receiver ? { WEBHOOK_ALLOW_ORIGINS: receiver.origin } : {}),
      ...options.env,
    },
    webhooks: { delaysMs: QUICK, ...options.webhooks },
  });
  open.unshift(service);
  return service;
};
const submit = async (service: TestService, fields: Record<string, unknown>): Promise<string> => {
  const { status, body } = await service.call('POST', '/tasks', { prompt: 'a fox', seed: 1, ...fields });
  expect(status).toBe(201);
  return body.id as string;
};
const types = ({ received }: Receiver): string[] => received.map(({ body }) => String(body.type));
/** Nothing is under way any more: closing the service waits for it. */
const close = async (service: TestService): Promise<void> => {
  open.splice(open.indexOf(service), 1);
  await service.close();
};
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

interface ListeningLog {
  readonly log: Logger;
  readonly lines: readonly string[];
  /** Waits until a line says so. */
  readonly logged: (what: RegExp) => Promise<void>;
}

const listeningLog = (): ListeningLog => {
  const lines: string[] = [];
  let more = withResolvers();
  const write = (chunk: unknown, _encoding: unknown, done: () => void): void => {
    lines.push(String(chunk));
    more.resolve();
    more = withResolvers();
    done();
  };
  const logged = async (what: RegExp): Promise<void> => {
    while (!lines.some((line) => what.test(line))) await more.promise;
  };
  return { log: pino({ level: 'trace' }, new Writable({ write })), lines, logged };
};

describe('what is sent', () => {
  test('is the finished task, signed so that a receiver can be sure of it', async () => {
    const receiver = await receive();
    const service = await serve(receiver, { env: { BASE_URL: 'https://clips.example' } });
    const id = await submit(service, { webhook: receiver.url });
    await receiver.until(1);
    const [{ headers, text, body }] = receiver.received;
    expect(verify(SECRET, text, headers)).toEqual(body);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).not.toContain('.');
    expect(Object.keys(body as object)).toEqual(['type', 'timestamp', 'data']);
    expect(body).toMatchObject({ type: 'task.completed', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(body.data).toEqual((await service.call('GET', `/tasks/${id}`)).body);
    expect(body.data.urls.video).toBe(`https://clips.example/download/video/${id}`);
    expect(text).not.toContain('hidden');
  });

  test('is the end alone, unless more is asked for', async () => {
    const receiver = await receive();
    const service = await serve(receiver);
    await service.ended(await submit(service, { webhook: receiver.url }));
    await receiver.until(1);
    const all = { webhook: receiver.url, webhook_events_filter: ['completed', 'start'] };
    await service.ended(await submit(service, all));
    await receiver.until(3);
    await close(service);
    expect(types(receiver)).toEqual(['task.completed', 'task.started', 'task.completed']);
    expect(receiver.received[1].body.data).toMatchObject({ status: 'processing', stage: 'image' });
  });

  test('says of a task that failed or was cancelled which of both it was', async () => {
    const receiver = await receive();
    const held = holdClips();
    const service = await serve(receiver, {
      make: (job, run) =>
        job.params.seed === 2 ? Promise.reject(new PipelineError('not_finite', 'NaN')) : held.make(job, run),
    });
    await submit(service, { webhook: receiver.url, seed: 2 });
    await receiver.until(1);
    const running = await submit(service, { webhook: receiver.url });
    await held.running(running);
    const waiting = await submit(service, { webhook: receiver.url });
    await service.call('POST', `/tasks/${waiting}/cancel`);
    await receiver.until(2);
    await service.call('DELETE', `/tasks/${running}`);
    await receiver.until(3);
    expect(types(receiver)).toEqual(['task.failed', 'task.cancelled', 'task.cancelled']);
    expect(receiver.received.map(({ body }): unknown => body.data.error.code)).toEqual([
      'not_finite',
      'cancelled',
      'cancelled',
    ]);
    expect(receiver.received[2].body.data.id).toBe(running);
  });

  test('is not signed where there is no secret', async () => {
    const receiver = await receive();
    const service = await serve(receiver, { env: { WEBHOOK_SECRET: '' } });
    await submit(service, { webhook: receiver.url });
    await receiver.until(1);
    expect(receiver.received[0].headers).toMatchObject({
      'webhook-id': expect.any(String),
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
    });
    expect(receiver.received[0].headers['webhook-signature']).toBeUndefined();
  });

  test('is asked for on /img2vid and by a rerun too, and by a form', async () => {
    const receiver = await receive();
    const service = await serve(receiver);
    const form = new FormData();
    form.append('prompt', 'a fox');
    form.append('webhook', receiver.url);
    form.append('webhook_events_filter', 'start, completed');
    const { status, body } = await service.call('POST', '/img2vid', form);
    expect([status, body.warnings]).toEqual([200, []]);
    await receiver.until(2);
    await service.call('POST', `/tasks/${body.id}/rerun`, { webhook: receiver.url });
    await receiver.until(3);
    expect(types(receiver)).toEqual(['task.started', 'task.completed', 'task.completed']);
    // A rerun has the parameters of its task, not its listeners.
    const { id } = (await service.call('POST', `/tasks/${body.id}/rerun`)).body;
    await service.ended(id);
    await close(service);
    expect(receiver.received).toHaveLength(3);
  });
});

describe('a request', () => {
  let service: TestService;
  const refusal = async (fields: Record<string, unknown>): Promise<unknown[]> => {
    service = await serve(undefined);
    const { status, body } = await service.call('POST', '/tasks', { prompt: 'a fox', ...fields });
    expect(await service.table.count()).toBe(0);
    return [status, body.field, body.code] as unknown[];
  };

  test.each([
    'http://127.0.0.1:9/',
    'http://[::1]/',
    'http://10.0.0.5/hook',
    'http://169.254.169.254/latest/meta-data/',
    'http://2130706433/',
    'http://localhost:5000/tasks',
    'http://metadata.google.internal/',
    'http://user:secret@example.com/',
    'ftp://example.com/',
  ])('for %s is refused at once', async (webhook) => {
    expect(await refusal({ webhook })).toEqual([400, 'webhook', 'url_refused']);
  });

  test.each([
    [{ webhook: 'example.com/hook' }, 'webhook'],
    [{ webhook: 5 }, 'webhook'],
    [{ webhook: 'https://a.example/', webhook_events_filter: ['end'] }, 'webhook_events_filter'],
    [{ webhook: 'https://a.example/', webhook_events_filter: 'start,end' }, 'webhook_events_filter'],
    [{ webhook: 'https://a.example/', webhook_events_filter: [] }, 'webhook_events_filter'],
    [{ webhook: 'https://a.example/', webhook_events_filter: 1 }, 'webhook_events_filter'],
  ])('with %j is refused by name', async (fields, field) => {
    expect((await refusal(fields)).slice(0, 2)).toEqual([400, field]);
  });

  test('with a filter and no webhook is warned, with blanks it is as without', async () => {
    service = await serve(undefined);
    const warned = await service.call('POST', '/tasks', { prompt: 'a fox', webhook_events_filter: 'start' });
    expect(warned.body.warnings).toEqual([expect.stringContaining('webhook_events_filter')]);
    const blank = { prompt: 'a fox', webhook: '', webhook_events_filter: '' };
    expect((await service.call('POST', '/tasks', blank)).body.warnings).toEqual([]);
  });

  test('never shows its webhook’s address again: it may hold a secret', async () => {
    const { log, lines, logged } = listeningLog();
    const receiver = await receive(() => 500);
    service = await serve(receiver, { log, webhooks: { delaysMs: [1] } });
    const id = await submit(service, { webhook: receiver.url });
    await logged(/webhook given up/);
    for (const path of ['/tasks', `/tasks/${id}`, '/status']) {
      expect(JSON.stringify((await service.call('GET', path)).body)).not.toContain('hidden');
    }
    await close(service);
    expect(lines.join('')).not.toContain('hidden');
  });
});

describe('a receiver', () => {
  test('that fails is asked again with the same id, signed anew', async () => {
    const receiver = await receive((n) => (n < 2 ? 500 : 200));
    const service = await serve(receiver);
    await submit(service, { webhook: receiver.url });
    await receiver.until(3);
    await close(service);
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const { text, headers } of receiver.received) verify(SECRET, text, headers);
  });

  test('that fails to the last is given up', async () => {
    const receiver = await receive(() => 500);
    const { log, logged } = listeningLog();
    const service = await serve(receiver, { log });
    await submit(service, { webhook: receiver.url });
    await logged(/webhook given up/);
    await close(service);
    expect(receiver.received).toHaveLength(QUICK.length + 1);
  });

  test('that answers 410 hears no more of the task, of others it does', async () => {
    const receiver = await receive((n) => (n === 0 ? 410 : 204));
    const held = holdClips();
    const service = await serve(receiver, { make: held.make });
    const both = { webhook: receiver.url, webhook_events_filter: ['start', 'completed'] };
    const id = await submit(service, both);
    await receiver.until(1);
    await settle();
    held.release(id);
    await service.ended(id);
    const other = await submit(service, both);
    held.release(other);
    await receiver.until(3);
    await close(service);
    expect(receiver.received.map(({ body }): unknown[] => [body.type, body.data.id])).toEqual([
      ['task.started', id],
      ['task.started', other],
      ['task.completed', other],
    ]);
  });

  test('that redirects is not followed: it has failed', async () => {
    const elsewhere = await receive();
    const receiver = await receive((n, _message, response) => {
      if (n > 0) return 204;
      response.writeHead(307, { location: elsewhere.url }).end();
      return undefined;
    });
    const service = await serve(receiver, {
      env: { WEBHOOK_ALLOW_ORIGINS: `${receiver.origin},${elsewhere.origin}` },
    });
    await submit(service, { webhook: receiver.url });
    await receiver.until(2);
    await close(service);
    expect(elsewhere.received).toEqual([]);
    expect(receiver.received).toHaveLength(2);
  });

  test('that hangs is left after its time, and asked again', async () => {
    const receiver = await receive((n) => (n === 0 ? undefined : 204));
    const client = createGuardedClient({ allowedOrigins: [receiver.origin], totalMs: 150, idleMs: 150 });
    const service = await serve(receiver, { webhooks: { client } });
    await submit(service, { webhook: receiver.url });
    await receiver.until(2);
    await close(service);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test('that hangs holds up no other', async () => {
    const [hanging, prompt] = [await receive(() => undefined), await receive()];
    const service = await serve(undefined, {
      env: { WEBHOOK_ALLOW_ORIGINS: `${hanging.origin},${prompt.origin}` },
    });
    await submit(service, { webhook: hanging.url });
    await hanging.until(1);
    await submit(service, { webhook: prompt.url });
    await prompt.until(1);
    expect(hanging.received).toHaveLength(1);
  });

  test('that is not there is tried again', async () => {
    const gone = await startReceiver();
    await gone.close();
    const failed = withResolvers();
    const client = createGuardedClient({ allowedOrigins: [gone.origin] });
    let attempts = 0;
    const service = await serve(gone, {
      webhooks: {
        client: {
          request: (url, init) => {
            if (++attempts === QUICK.length + 1) failed.resolve();
            return client.request(url, init);
          },
        },
      },
    });
    await submit(service, { webhook: gone.url });
    await failed.promise;
    await close(service);
    expect(attempts).toBe(QUICK.length + 1);
  });

  test('whose name leads into the private network is never asked, and not tried again', async () => {
    const connected: string[] = [];
    const looked: string[] = [];
    const twice = withResolvers();
    const client = createGuardedClient({
      resolve: (name) => {
        looked.push(name);
        if (looked.length === 2) twice.resolve();
        return Promise.resolve([{ address: '10.0.0.5', family: 4 }]);
      },
      connect: ({ address }) => {
        connected.push(address);
        return Promise.reject(new Error('No connection in this test'));
      },
    });
    const service = await serve(undefined, { webhooks: { client } });
    await submit(service, { webhook: 'https://inside.example/hook' });
    await submit(service, { webhook: 'https://inside.example/hook' });
    await twice.promise;
    await settle();
    await close(service);
    expect([looked, connected]).toEqual([['inside.example', 'inside.example'], []]);
  });

  test('is asked again when it said to, at the earliest', async () => {
    const receiver = await receive((n, _message, response) => {
      if (n > 0) return 204;
      response.writeHead(503, { 'retry-after': '1' }).end();
      return undefined;
    });
    const service = await serve(receiver);
    await submit(service, { webhook: receiver.url });
    await receiver.until(1);
    const first = performance.now();
    await receiver.until(2);
    expect(performance.now() - first).toBeGreaterThan(900);
  });
});

describe('order', () => {
  test('the messages of a task come one after the other, the next when the one before is through', async () => {
    const through = withResolvers();
    let open = 0;
    const receiver = await receive((n, _message, response) => {
      expect(++open).toBe(1);
      const end = (): void => {
        open--;
        response.writeHead(204).end();
      };
      if (n === 0) void through.promise.then(end);
      else end();
      return undefined;
    });
    const service = await serve(receiver);
    const id = await submit(service, {
      webhook: receiver.url,
      webhook_events_filter: ['start', 'completed'],
    });
    await service.ended(id);
    await settle();
    expect(types(receiver)).toEqual(['task.started']);
    through.resolve();
    await receiver.until(2);
    expect(types(receiver)).toEqual(['task.started', 'task.completed']);
  });

  test('a start that cannot be delivered does not keep the end waiting', async () => {
    const receiver = await receive((_n, { body }) => (body.type === 'task.started' ? 500 : 204));
    const held = holdClips();
    const HOUR = 3_600_000;
    const service = await serve(receiver, { make: held.make, webhooks: { delaysMs: [HOUR, HOUR] } });
    const id = await submit(service, {
      webhook: receiver.url,
      webhook_events_filter: ['start', 'completed'],
    });
    await receiver.until(1);
    held.release(id);
    await receiver.until(3);
    await close(service);
    expect(types(receiver)).toEqual(['task.started', 'task.started', 'task.completed']);
  });

  test('a clip that is tried again after a crash has started once', async () => {
    const receiver = await receive();
    let attempts = 0;
    const service = await serve(receiver, {
      make: (job) =>
        attempts++ === 0
          ? Promise.reject(new PipelineError('worker_crashed', 'It died (SIGKILL)'))
          : makeClip(job),
    });
    const id = await submit(service, {
      webhook: receiver.url,
      webhook_events_filter: ['start', 'completed'],
    });
    await service.ended(id);
    await receiver.until(2);
    await close(service);
    expect(types(receiver)).toEqual(['task.started', 'task.completed']);
  });

  test('many tasks at once: each told once, its start before its end', async () => {
    const receiver = await receive((n) => (n % 3 === 0 ? 503 : 204));
    const service = await serve(receiver, { webhooks: { delaysMs: Array<number>(30).fill(1) } });
    const both = { webhook: receiver.url, webhook_events_filter: ['start', 'completed'] };
    const ids = await Promise.all(Array.from({ length: 40 }, () => submit(service, both)));
    for (const id of ids) await service.ended(id);
    const delivered = (): Map<string, string[]> => {
      const told = new Map<string, string[]>();
      receiver.received.forEach(({ body }, n) => {
        if (n % 3 > 0) told.set(body.data.id, [...(told.get(body.data.id) ?? []), body.type]);
      });
      return told;
    };
    while (![...delivered().values()].flat().filter((type) => type === 'task.completed')[39]) await settle();
    await close(service);
    for (const id of ids) expect(delivered().get(id)?.at(-1)).toBe('task.completed');
    for (const told of delivered().values()) {
      // A start that failed when its task had ended is left out.
      expect([['task.started', 'task.completed'], ['task.completed']]).toContainEqual(told);
    }
  });
});

/** As if the pause before the next attempt were over. */
async function makeDue(folder: string): Promise<void> {
  const db = await openDatabase(join(folder, 'tasks.db'));
  await db.updateTable('webhook_messages').set({ due_at: 0 }).execute();
  await db.destroy();
}

describe('after a restart', () => {
  let folder: string;
  const inFolder = async (run: () => Promise<void>): Promise<void> => {
    folder = mkdtempSync(join(tmpdir(), 'webhooks-'));
    try {
      await run();
    } finally {
      for (const one of open.splice(0)) await one.close();
      rmSync(folder, { recursive: true });
    }
  };

  test('what was not delivered is, with the id it had', () =>
    inFolder(async () => {
      const receiver = await receive((n) => (n === 0 ? 503 : 204));
      const before = await serve(receiver, { folder, webhooks: { delaysMs: [3_600_000] } });
      const id = await submit(before, { webhook: receiver.url });
      await receiver.until(1);
      await close(before);
      expect(receiver.received).toHaveLength(1);
      await makeDue(folder);
      await serve(receiver, { folder });
      await receiver.until(2);
      const [first, second] = receiver.received;
      expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
      expect(second.text).toBe(first.text);
      expect(second.body.data.id).toBe(id);
    }));

  test('a delivery that was under way is made again', () =>
    inFolder(async () => {
      const receiver = await receive((n) => (n === 0 ? undefined : 204));
      const before = await serve(receiver, { folder });
      await submit(before, { webhook: receiver.url });
      await receiver.until(1);
      await close(before);
      const after = await serve(receiver, { folder });
      await receiver.until(2);
      await close(after);
      await serve(receiver, { folder });
      await settle();
      expect(receiver.received).toHaveLength(2);
    }));

  test('a task that goes on then is told of', () =>
    inFolder(async () => {
      const receiver = await receive();
      const held = holdClips();
      const before = await serve(receiver, { folder, make: held.make });
      const id = await submit(before, { webhook: receiver.url });
      await held.running(id);
      await close(before);
      expect(receiver.received).toEqual([]);
      await serve(receiver, { folder });
      await receiver.until(1);
      expect(receiver.received[0].body).toMatchObject({ type: 'task.completed', data: { id } });
    }));
});

describe('progress', () => {
  const asked = (receiver: Receiver) => ({
    webhook: receiver.url,
    webhook_events_filter: ['start', 'progress', 'completed'],
  });

  test('is told now and then, between the start and the end', async () => {
    const receiver = await receive();
    const go = withResolvers();
    let steps = 0;
    const service = await serve(receiver, {
      webhooks: { progressIntervalMs: 5 },
      make: async (job, run) => {
        for (
          let told = false;
          !told;
          told = types(receiver).filter((t) => t === 'task.progress').length >= 3
        ) {
          run.onProgress?.({
            stage: 'sample',
            part: 1,
            parts: 1,
            step: ++steps,
            steps: 1e6,
            progress: steps / 1e6,
          });
          await settle();
        }
        go.resolve();
        return makeClip(job);
      },
    });
    const id = await submit(service, asked(receiver));
    await go.promise;
    await service.ended(id);
    while (types(receiver).at(-1) !== 'task.completed') await settle();
    await close(service);
    const told = types(receiver);
    expect(told[0]).toBe('task.started');
    expect(told.indexOf('task.completed')).toBe(told.length - 1);
    const progress = receiver.received.filter(({ body }) => body.type === 'task.progress');
    const seen = progress.map(({ body }) => Number(body.data.step));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(steps).toBeGreaterThan(progress.length);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(told.length);
    for (const { text, headers } of progress) verify(SECRET, text, headers);
  });

  test('that cannot be delivered is not tried again, and the end comes all the same', async () => {
    const receiver = await receive((_n, { body }) => (body.type === 'task.progress' ? 500 : 204));
    const held = holdClips();
    const service = await serve(receiver, { make: held.make, webhooks: { progressIntervalMs: 0 } });
    const id = await submit(service, asked(receiver));
    while (!types(receiver).includes('task.progress')) await settle();
    await settle();
    held.release(id);
    while (types(receiver).at(-1) !== 'task.completed') await settle();
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is not sent to who has not asked for it', async () => {
    const receiver = await receive();
    const service = await serve(receiver, { webhooks: { progressIntervalMs: 0 } });
    const id = await submit(service, { webhook: receiver.url, webhook_events_filter: 'start,completed' });
    await service.ended(id);
    await receiver.until(2);
    await close(service);
    expect(types(receiver)).toEqual(['task.started', 'task.completed']);
  });
});
