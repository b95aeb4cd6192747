import { TransferError } from './transfer-error.js';

/** The time limits of one transfer, running. */
export interface TransferClock {
  /** Aborted by the caller's signal (with its reason), by silence or by the total limit (with a TransferError). */
  readonly signal: AbortSignal;
  /** Something arrived: the idle limit starts anew. */
  touch(): void;
  /** Must be called when the transfer is over. */
  stop(): void;
}

/** Starts the clock of a transfer: silence of `idleMs`, or `totalMs` in all, ends it. */
export const startClock = (
  { idleMs, totalMs }: { readonly idleMs: number; readonly totalMs: number },
  outer?: AbortSignal,
): TransferClock => {
  const controller = new AbortController();
  const expire = (words: string) => (): void => {
    controller.abort(new TransferError('timeout', words));
  };
  const total = setTimeout(expire(`not complete within ${totalMs / 1000} s`), totalMs);
  const idle = setTimeout(expire(`no answer for ${idleMs / 1000} s`), idleMs);
  const forward = (): void => {
    controller.abort(outer?.reason);
  };
  if (outer?.aborted) forward();
  else outer?.addEventListener('abort', forward, { once: true });
  return {
    signal: controller.signal,
    touch: () => {
      idle.refresh();
    },
    stop: () => {
      clearTimeout(total);
      clearTimeout(idle);
      outer?.removeEventListener('abort', forward);
    },
  };
};
