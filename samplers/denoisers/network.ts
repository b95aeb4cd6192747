/** Which predictions are wanted: both (twice the work), or the conditional one alone. */
export type Branches = 'both' | 'cond';

/** Where in a run an evaluation stands. Both count from 0; a step of some samplers has more than one slot. */
export interface EvaluationPlace {
  readonly step: number;
  readonly slot: number;
}

/**
 * Any network that predicts from noisy latents.
 *
 * `input` is c_in * x, [F,C,h,w]; it is one buffer used again at every evaluation, so it may be read until the promise
 * settles and not be kept. The answer is the raw output: for 'both' [2,F,C,h,w], row 0 the unconditional prediction;
 * for 'cond' [F,C,h,w]. It is only read, and not after the next evaluation begins, so it may be one buffer too.
 */
export interface Network {
  evaluate(
    input: Float32Array,
    cNoise: number,
    branches: Branches,
    place: EvaluationPlace,
  ): Promise<Float32Array>;
}
