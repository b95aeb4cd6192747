/** A list of noise levels no sampler can walk down: not finite, not positive, or not strictly decreasing to 0. */
export class InvalidScheduleError extends Error {
  override readonly name = 'InvalidScheduleError';
  readonly code = 'invalid_schedule';

  /** @param index position of the first offending level */
  constructor(
    readonly index: number,
    reason: string,
  ) {
    super(`The noise levels cannot be used: ${reason}`);
  }
}
