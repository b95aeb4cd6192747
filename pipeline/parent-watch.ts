/**
 * A thread of the worker process that ends the process when its parent is gone. The main thread cannot see to that: a
 * step holds it for as long as a minute, while a server that has been started again wants the device. An ffmpeg that the
 * process leaves behind ends at the end of its input.
 */
import { workerData } from 'node:worker_threads';

const POLL_MS = 100;

/** The parent at the worker's start; an orphan gets another one. */
const parent = workerData as number;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
