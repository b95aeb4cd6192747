import PQueue from 'p-queue';

/** Starts work at the pace a provider allows. Work whose signal is aborted before its turn is never started. */
export type Pacer = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** At most one start in any `intervalMs` milliseconds, in the order asked for; 0 sets no pace. */
export const createPacer = (intervalMs: number): Pacer => {
  if (intervalMs === 0) return (work) => work();
  // Strict: a sliding window. A window of fixed phase would let two requests pass within moments of each other.
  const queue = new PQueue({ interval: intervalMs, intervalCap: 1, strict: true });
  return async (work, signal) => {
    try {
      return await queue.add(work, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
};
