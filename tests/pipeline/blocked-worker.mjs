/** `blocked-worker.mjs`: starts itself as a child with the parent watch, whose main thread then never yields again. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const watch = new URL('../../dist/pipeline/parent-watch.js', import.meta.url);

if (process.argv[2] === 'child') {
  const thread = new Worker(watch, { workerData: process.ppid });
  thread.once('online', () => {
    process.stdout.write(`${process.pid}\n`);
    for (;;);
  });
} else {
  spawn(process.execPath, [fileURLToPath(import.meta.url), 'child'], { stdio: 'inherit' });
}
