/** Published weights that cannot be used as they are. `problems` has one line for each fault found. */
export class CheckpointError extends Error {
  readonly code = 'invalid_checkpoint';

  constructor(
    /** The file or folder at fault. */
    readonly source: string,
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`${source}: ${problems.join('\n  ')}`, options);
    this.name = 'CheckpointError';
  }
}
