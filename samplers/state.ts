import { InvalidStateError } from './errors/invalid-state-error.js';
import type { RandomState } from './random/normal-source.js';

/**
 * Everything a run needs to go on after a step: plain data with typed arrays, fit for structured cloning. A run
 * resumed from it gives the same latents bit for bit as one that was never interrupted.
 */
export interface SamplingState {
  readonly version: 1;
  /** What is being sampled: a state can be resumed only by a run with the same plan. */
  readonly plan: string;
  /** Steps done. */
  readonly step: number;
  /** The latents at sigmas[step], [F,C,h,w]. */
  readonly x: Float32Array;
  /** Buffers a multistep sampler remembers, the latest first. */
  readonly history: readonly Float32Array[];
  /** Where the random numbers were, or null when the source cannot tell: then the caller has to position it. */
  readonly random: RandomState | null;
}

/** What the state is held against. */
export interface StateShape {
  readonly plan: string;
  readonly steps: number;
  readonly size: number;
  readonly remembers: number;
}

/** @throws InvalidStateError when the state is damaged or belongs to another run */
export function checkState(state: SamplingState, expected: StateShape): void {
  if (state.version !== 1) throw new InvalidStateError(`its version is ${String(state.version)}, not 1`);
  if (state.plan !== expected.plan) {
    throw new InvalidStateError(`it was saved by another run (${state.plan}, not ${expected.plan})`);
  }
  const { step, x, history } = state;
  if (!Number.isInteger(step) || step < 1 || step > expected.steps) {
    throw new InvalidStateError(`its step is ${step}, not from 1 to ${expected.steps}`);
  }
  const whole = (array: unknown): boolean => array instanceof Float32Array && array.length === expected.size;
  if (!whole(x)) throw new InvalidStateError(`its latents are not ${expected.size} float32 values`);
  const remembered = Math.min(expected.remembers, step);
  if (!Array.isArray(history) || history.length !== remembered || !history.every(whole)) {
    throw new InvalidStateError(`its history is not ${remembered} arrays of ${expected.size} float32 values`);
  }
}
