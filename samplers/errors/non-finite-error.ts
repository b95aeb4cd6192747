/** NaN or Infinity in a prediction or in the latents. `step` counts from 1. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';
  readonly code = 'non_finite';

  constructor(
    readonly step: number,
    readonly steps: number,
    readonly sigma: number,
    what: 'network' | 'latents',
  ) {
    super(
      what === 'network'
        ? `The network's prediction is not finite at step ${step} of ${steps} (sigma ${sigma})`
        : `The latents are not finite after step ${step} of ${steps} (sigma ${sigma})`,
    );
  }
}
