/** Why a permitted request brought no answer. */
export type TransferFailure = 'network' | 'redirects' | 'timeout' | 'too_large';

/** A permitted request that failed on its way. The message completes "Error retrieving image: …" and names no address. */
export class TransferError extends Error {
  constructor(
    readonly kind: TransferFailure,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TransferError';
  }
}
