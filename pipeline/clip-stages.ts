import type { ClipStage } from './clip-job.js';

/** Where each stage begins on the way from 0 to 1; decoding and writing go hand in hand. */
const STARTS: Readonly<Record<ClipStage, number>> = { encode: 0, sample: 0.03, decode: 0.88, write: 0.99 };
const ENDS: Readonly<Record<ClipStage, number>> = { encode: 0.03, sample: 0.88, decode: 0.99, write: 1 };

/** The share of a clip that is done, 0 to 1, at `step` of `steps` within a stage. */
export const shareDone = (stage: ClipStage, step: number, steps: number): number =>
  STARTS[stage] + ((ENDS[stage] - STARTS[stage]) * step) / steps;

/** Adds up the time spent in each stage. */
export class StageClock {
  readonly #spent: Record<ClipStage, number> = { encode: 0, sample: 0, decode: 0, write: 0 };
  #stage: ClipStage = 'encode';
  #since = performance.now();

  get stage(): ClipStage {
    return this.#stage;
  }

  enter(stage: ClipStage): void {
    const now = performance.now();
    this.#spent[this.#stage] += now - this.#since;
    this.#stage = stage;
    this.#since = now;
  }

  stop(): Record<ClipStage, number> {
    this.enter(this.#stage);
    const rounded = Object.entries(this.#spent).map(([stage, ms]) => [stage, Math.round(ms)]);
    return Object.fromEntries(rounded) as Record<ClipStage, number>;
  }
}
