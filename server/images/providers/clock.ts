import { setTimeout as sleep } from 'node:timers/promises';

/** Time and chance, as the providers use them; tests put their own in place. */
export interface Clock {
  /** Resolves after `ms` milliseconds, or rejects at once with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 to 1. */
  random(): number;
}

export const systemClock: Clock = {
  async wait(ms, signal) {
    signal.throwIfAborted();
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted(); // with its own reason, where the timer's error only holds it as a cause
      throw error;
    }
  },
  random: Math.random,
};
