import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { Config } from '../config.js';
import type { SubmitOptions } from './submit.js';

/** What the APIs are made of; each takes of it what it needs. */
export interface ApiParts extends SubmitOptions {
  readonly config: Config;
  readonly workers: Pick<WorkerPool, 'usable' | 'largestDevice'>;
}
