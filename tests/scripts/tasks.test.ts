import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { holdClips, startService, type HeldClips, type TestService } from '../server/support.js';

const script = fileURLToPath(new URL('../../dist/scripts/tasks.js', import.meta.url));

let clips: HeldClips;
let service: TestService;
beforeAll(async () => {
  clips = holdClips();
  service = await startService({ make: clips.make });
});
afterAll(() => service.close());

const start = (...args: string[]) => {
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH, IMG2VID_URL: service.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (data) => (text.out += String(data)));
  child.stderr.on('data', (data) => (text.err += String(data)));
  return { text, child, ended: once(child, 'close').then(([code]) => ({ code: code as number, ...text })) };
};
const run = (...args: string[]) => start(...args).ended;
const make = async (prompt: string): Promise<string> =>
  (await service.call('POST', '/tasks', { prompt })).body.id as string;

test('watch tells the stages of a task to its end and where its video is; list and cancel do what they say', async () => {
  service.runner.expectPace(1, 1);
  const id = await make('a fox\nin the snow');
  const watched = start('watch', id);
  while (!watched.text.err.includes('sample 1/4')) await once(watched.child.stderr, 'data');
  // The service knows, whatever this command has seen.
  expect(watched.text.err).toMatch(/sample 1\/4 \(\d+ %, \d+ s left\)/);
  const listed = await run('list', '--status', 'processing');
  expect(listed.out).toMatch(new RegExp(`^${id}  processing  sample 1/4 .* a fox in the snow\n$`));
  clips.release(id);
  const { code, out } = await watched.ended;
  expect(code).toBe(0);
  expect(out).toContain('completed');
  expect(out).toContain(`${service.url}/download/video/${id}\n`);

  const other = await make('a heron');
  await clips.running(other);
  const watching = start('watch', other);
  while (!watching.text.err.includes('sample 1/4')) await once(watching.child.stderr, 'data');
  expect((await run('cancel', other)).out).toMatch(/error .* a heron \(cancelled\)/);
  expect(await watching.ended).toMatchObject({
    code: 1,
    err: expect.stringContaining('The task was cancelled'),
  });

  expect((await run('list', '--limit', '1')).err).toBe('1 of 2 tasks\n');
});

test('a prompt is shown in one line that fits, and nothing in it is obeyed by the terminal', async () => {
  const id = await make(`\u001b[31mred\u001b[2J\u0007 \u202efox ${'and on '.repeat(40)}`);
  const { out } = await run('list', '--limit', '1');
  expect(out).toMatch(new RegExp(`^${id}  .*  \\[31mred \\[2J fox and on [^\\n]*…\n$`));
  expect(out.length).toBeLessThan(140);
  expect(out.replace(/\n$/, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  clips.release(id);
  await service.ended(id);
});

test('what the service refuses, and a service that is not there, are told in words', async () => {
  expect(await run('watch', 'f'.repeat(32))).toMatchObject({
    code: 1,
    err: 'The requested task was not found.\n',
  });
  expect(await run('--url', 'http://127.0.0.1:9', 'list')).toMatchObject({
    code: 1,
    err: 'Nothing answers at http://127.0.0.1:9/\n',
  });
  expect((await run('rerun')).code).toBe(2);
});
