/** A saved state that does not belong to the run that is to be resumed, or that is damaged. */
export class InvalidStateError extends Error {
  override readonly name = 'InvalidStateError';
  readonly code = 'invalid_state';

  constructor(reason: string) {
    super(`The saved sampling state cannot be resumed: ${reason}`);
  }
}
