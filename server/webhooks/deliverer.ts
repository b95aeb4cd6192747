import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Attempt, Outcome } from './attempt.js';
import type { WebhookMessage } from './messages.js';
import type { Outbox } from './outbox.js';
import { retryDelay, RETRY_DELAYS_MS } from './retry.js';

export interface DelivererOptions {
  readonly outbox: Outbox;
  readonly attempt: Attempt;
  readonly log: Logger;
  /** The pauses between the attempts; after the last attempt a message is given up. */
  readonly delaysMs?: readonly number[];
  /** 0 to 1, for the jitter. */
  readonly random?: () => number;
}

/** Messages under way at a time, each of another task. */
const AT_A_TIME = 16;
/** The pause after a fault of our own, such as a full disk: what was delivered may have to be delivered again. */
const FAULT_PAUSE_MS = 5000;

/**
 * Delivers what lies in the outbox: the messages of a task one after the other, those of different tasks side by side.
 * A message is delivered at least once, and may be twice when the process dies before it has noted the first time.
 */
export class Deliverer {
  readonly #o: DelivererOptions;
  readonly #stop = new AbortController();
  /** Tasks with a message under way. */
  readonly #busy = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;

  constructor(options: DelivererOptions) {
    this.#o = options;
  }

  start(): void {
    this.#o.outbox.on('recorded', () => this.#look());
    this.#look();
  }

  /** Begins nothing more and breaks off what is under way; it stays in the outbox. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#busy.values());
  }

  /**
   * Sends something that is not worth keeping, unless a message of the task is under way or waits: once, and what
   * becomes of it changes nothing, unless the receiver wants to hear no more.
   */
  async offer(taskId: string, make: () => Promise<Parameters<Attempt>[0] | undefined>): Promise<void> {
    if (this.#stop.signal.aborted || this.#busy.has(taskId) || this.#busy.size >= AT_A_TIME) return;
    await this.#occupy(taskId, async () => {
      if (await this.#o.outbox.hasPending(taskId)) return;
      const message = await make();
      if (!message) return;
      const { kind } = await this.#o.attempt(message, this.#stop.signal);
      if (kind === 'gone') await this.#o.outbox.unsubscribe(taskId);
    });
  }

  /** Looks for messages that are due, once more if that is asked for meanwhile. */
  #look(): void {
    if (this.#stop.signal.aborted) return;
    this.#lookAgain = true;
    this.#looking ??= this.#lookUntilDone().finally(() => (this.#looking = undefined));
  }

  async #lookUntilDone(): Promise<void> {
    const { outbox, log } = this.#o;
    while (this.#lookAgain && !this.#stop.signal.aborted) {
      this.#lookAgain = false;
      try {
        this.#begin(await outbox.heads(AT_A_TIME + this.#busy.size + 1));
      } catch (error) {
        log.error({ err: error }, 'webhook messages cannot be read');
        this.#wakeIn(FAULT_PAUSE_MS);
      }
    }
  }

  #begin(heads: readonly WebhookMessage[]): void {
    const now = Date.now();
    for (const message of heads) {
      if (this.#stop.signal.aborted) return;
      if (this.#busy.has(message.taskId)) continue;
      if (message.dueAt > now) return this.#wakeIn(message.dueAt - now); // as are all that follow
      if (this.#busy.size >= AT_A_TIME) return; // the next one that is done looks again
      void this.#occupy(message.taskId, () => this.#deliver(message));
    }
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** Does something about a task while nothing else is done about it. Never rejects. */
  #occupy(taskId: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    const done = work()
      .catch(async (error: unknown) => {
        if (signal.aborted) return;
        this.#o.log.error({ task: taskId, err: error }, 'webhook message cannot be handled');
        await pause(FAULT_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      })
      .finally(() => {
        this.#busy.delete(taskId);
        this.#look();
      });
    this.#busy.set(taskId, done);
    return done;
  }

  async #deliver(message: WebhookMessage): Promise<void> {
    const { outbox, log, attempt } = this.#o;
    const outcome = await attempt(message, this.#stop.signal);
    const about = { task: message.taskId, type: message.type, attempt: message.attempts + 1 };
    if (outcome.kind === 'delivered') {
      log.debug(about, 'webhook delivered');
      return outbox.settle(message, 'delivered');
    }
    if (outcome.kind === 'gone') {
      log.info(about, 'webhook wants to hear no more');
      return outbox.unsubscribe(message.taskId);
    }
    const { reason } = outcome;
    const delay = await this.#delay(message, outcome);
    if (delay === undefined) {
      log.warn({ ...about, reason }, 'webhook given up');
      return outbox.settle(message, outcome.kind === 'refused' ? 'refused' : 'given up');
    }
    log.warn({ ...about, reason, retryInMs: delay }, 'webhook failed');
    return outbox.postpone(message, Date.now() + delay);
  }

  /** Milliseconds until a message is tried again; undefined when it is not. */
  async #delay(message: WebhookMessage, outcome: Outcome): Promise<number | undefined> {
    const { outbox, delaysMs = RETRY_DELAYS_MS, random = Math.random } = this.#o;
    if (outcome.kind !== 'failed') return undefined;
    // The news of the task's end waits behind this one and says it all.
    if (!message.final && (await outbox.hasPending(message.taskId, message.seq))) return undefined;
    return retryDelay(delaysMs, message.attempts, random(), outcome.retryAfterMs);
  }
}
