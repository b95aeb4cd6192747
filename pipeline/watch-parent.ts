/**
 * Imported first by the worker process: a thread that ends the process when its parent is gone begins before the modules
 * that take long to load.
 */
import { Worker } from 'node:worker_threads';

new Worker(new URL('./parent-watch.js', import.meta.url), { workerData: process.ppid }).unref();
