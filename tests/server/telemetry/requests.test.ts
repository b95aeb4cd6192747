import { request as send } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createLog } from '../../../server/telemetry/log.js';
import { startService, type TestService } from '../support.js';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}
const INFO = 30;
const DEBUG = 20;

let service: TestService;
let lines: Line[];
let heard: () => void = () => undefined;
const start = async (options: Parameters<typeof startService>[0] = {}, prompts = false): Promise<void> => {
  lines = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Line);
    heard();
  };
  const log = createLog({ level: 'debug', secrets: [], prompts }, { write });
  service = await startService({ log, env: { LOG_PROMPTS: prompts ? '1' : '0' }, ...options });
};
afterEach(() => service.close());

/** Waits for a line: an answer is there before the line about it. */
const line = async (holds: (line: Line) => boolean): Promise<Line> => {
  for (;;) {
    const found = lines.find(holds);
    if (found) return found;
    await new Promise<void>((resolve) => (heard = resolve));
  }
};
const about = (path: string, method = 'GET'): Promise<Line> =>
  line((one) => one.msg === 'request' && one.path === path && one.method === method);

const PROMPT = 'a very private fox';
const PICTURE = 'https://cdn.example/private.png?token=abc';

describe('the line about a request', () => {
  test('says what was asked, what came of it, how long it took, and which task it was about', async () => {
    await start();
    const { body, headers } = await service.call('POST', '/img2vid', { prompt: PROMPT });
    const { id } = body as { id: string };
    expect(await about('/img2vid', 'POST')).toMatchObject({
      level: INFO,
      request: headers.get('x-request-id'),
      status: 200,
      ms: expect.any(Number),
      bytes: expect.any(Number),
      task: id,
    });
    expect((await about('/img2vid', 'POST')).bytes).toBeGreaterThan(JSON.stringify(body).length);
    await service.ended(id);
    await service.call('POST', `/tasks/${id}/cancel`);
    expect(await about(`/tasks/${id}/cancel`, 'POST')).toMatchObject({ task: id });
  });

  test('is for debugging where somebody only looks, and for all where that fails', async () => {
    await start();
    for (const path of ['/health', '/status', '/tasks', '/metrics']) {
      await service.call('GET', path).catch(() => undefined);
      expect((await about(path)).level).toBe(DEBUG);
    }
    await service.call('GET', '/tasks/nothing');
    expect(await about('/tasks/nothing')).toMatchObject({ level: INFO, status: 404 });
  });

  test('shows no query, no key and no header', async () => {
    await start();
    await service.call('GET', '/status?limit=1&prompt=private', undefined, {
      authorization: 'Bearer my-key-12345678',
      cookie: 'session=12345678',
    });
    expect(await about('/status')).toBeDefined();
    expect(JSON.stringify(lines)).not.toMatch(/private|12345678/);
  });

  test('is cut where the path is endless', async () => {
    await start();
    await service.call('GET', `/${'x'.repeat(5000)}`);
    expect(String((await line(({ msg }) => msg === 'request')).path)).toHaveLength(200);
  });

  test('says when the client left before the end', async () => {
    await start();
    const asked = send(`${service.url}/events`);
    asked.on('response', () => asked.destroy());
    asked.on('error', () => undefined);
    asked.end();
    expect(await about('/events')).toMatchObject({ unfinished: true });
  });
});

describe('X-Request-Id', () => {
  test.each(['abc', 'req-1:2/3=', 'a'.repeat(128)])('%j is taken over', async (id) => {
    await start();
    const { headers } = await service.call('GET', '/health', undefined, { 'x-request-id': id });
    expect(headers.get('x-request-id')).toBe(id);
    expect((await about('/health')).request).toBe(id);
  });

  test.each(['', 'a b', 'a"}', 'a'.repeat(129), 'é'])('%j is replaced', async (id) => {
    await start();
    const { headers } = await service.call('GET', '/health', undefined, { 'x-request-id': id });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('stands with the reason of a failed request', async () => {
    await start();
    await service.table.close();
    const { status } = await service.call('GET', '/tasks', undefined, { 'x-request-id': 'broken-1' });
    expect(status).toBe(500);
    expect(await line(({ msg }) => msg === 'request failed')).toMatchObject({
      level: 50,
      request: 'broken-1',
    });
    expect(await about('/tasks')).toMatchObject({ level: 40, status: 500 });
    service.table.close = () => Promise.resolve();
  });
});

describe('prompts and addresses of pictures', () => {
  /** Runs a task of each, which fail, and gives all that was logged. */
  const run = async (prompts: boolean): Promise<string> => {
    await start({ obtain: () => Promise.reject(new Error('no')) }, prompts);
    for (const fields of [{ prompt: PROMPT }, { image_url: PICTURE }]) {
      const { body } = await service.call('POST', '/img2vid', fields);
      await service.ended((body as { id: string }).id);
    }
    await line(({ msg, source }) => msg === 'task accepted' && JSON.stringify(source).includes('image_url'));
    return JSON.stringify(lines);
  };

  test('are not logged', async () => {
    const text = await run(false);
    expect(text).toContain('task accepted');
    expect(text).not.toMatch(/private|token=abc/);
  });

  test('are logged where that is asked for', async () => {
    const text = await run(true);
    expect(text).toContain(PROMPT);
    expect(text).toContain('private.png?token=abc');
  });
});
