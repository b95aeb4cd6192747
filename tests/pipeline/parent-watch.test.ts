import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./blocked-worker.mjs', import.meta.url));

/** Quiet where it has ended. */
const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // As it should be.
  }
};

test('a worker whose parent was killed ends although its main thread is held by a step', async () => {
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = createInterface({ input: parent.stdout });
  const [line] = (await once(output, 'line')) as [string];
  const child = Number(line);
  try {
    const closed = once(parent.stdout, 'close'); // the child's standard output too: closed when both are gone
    parent.kill('SIGKILL');
    const ended = await Promise.race([closed.then(() => true), pause(5000, false, { ref: false })]);
    expect(ended).toBe(true);
  } finally {
    kill(child);
  }
}, 10_000);
