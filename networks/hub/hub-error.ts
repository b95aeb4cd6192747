/** Weights that could not be fetched. The message says what to do where something can be done. */
export class HubError extends Error {
  readonly code = 'fetch_failed';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HubError';
  }
}
