import type { Sigmas } from '../discretizations/schedule.js';

/**
 * What an algorithm works with during one run. Buffers have the size of the latents, [F,C,h,w], and belong to the
 * run: they are made when first asked for and used again at every step.
 */
export interface Run {
  readonly sigmas: Sigmas;
  /** The latents. A step overwrites them with those of the next level. */
  readonly x: Float32Array;
  /** Denoised latents of earlier steps, or slopes, the latest first: what `remember` was given. */
  readonly history: readonly Float32Array[];
  /** One evaluation. The answer is a buffer that the next evaluation overwrites unless it is remembered. */
  readonly denoise: (x: Float32Array, sigma: number) => Promise<Float32Array>;
  /** One normal draw of the latents' shape, in a buffer that the next draw overwrites. */
  readonly drawNormal: () => Float32Array;
  /** A working buffer. The same slot is the same buffer throughout the run; nothing in it survives a resume. */
  readonly scratch: (slot: number) => Float32Array;
  /** Puts the buffer of the latest evaluation in front of the history, which keeps at most `limit`. */
  readonly remember: (limit: number) => void;
}

/** A sampling algorithm. `i` is the index of the step from sigmas[i] to sigmas[i + 1]. */
export interface Sampler {
  /** Moves run.x from level i to level i + 1. */
  readonly step: (run: Run, i: number) => Promise<void>;
  /** The levels at which step i will evaluate the network, in order. */
  readonly levelsAt: (sigmas: Sigmas, i: number) => readonly number[];
  /** Normal draws, each of the latents' shape, that step i will make. */
  readonly drawsAt: (sigmas: Sigmas, i: number) => number;
  /** Buffers it remembers from one step to the next at most. */
  readonly remembers: number;
}

/** The test for "the next level is zero", as in the reference. */
export const isZero = (sigma: number): boolean => sigma < 1e-14;
