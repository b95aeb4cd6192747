import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isTableFault } from '../storage-fault.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** Goes on trying while the task table cannot be written: what has happened is written down as soon as it can be. */
export class Patience {
  readonly #log: Logger;
  readonly #end = new AbortController();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @throws what `write` throws, unless it is a fault of the table that can pass; that too after `giveUp` */
  async insist<T>(write: () => Promise<T>): Promise<T> {
    for (let delay = FIRST_PAUSE_MS; ; delay = Math.min(2 * delay, LONGEST_PAUSE_MS)) {
      try {
        return await write();
      } catch (error) {
        if (!isTableFault(error) || this.#end.signal.aborted) throw error;
        this.#log.error({ err: error, retryInMs: delay }, 'the task table cannot be written');
      }
      await pause(delay, undefined, { signal: this.#end.signal }).catch(() => undefined);
    }
  }

  /** The service stops: whoever insists tries once more. */
  giveUp(): void {
    this.#end.abort();
  }
}
