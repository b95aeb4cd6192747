import type { Branches, EvaluationPlace } from '../samplers/index.js';

/**
 * DeepCache's uniform schedule (Ma et al. 2023): every `interval`-th step, counted from 0, evaluates the whole network, and
 * those after it only what lies above the cut, with the feature that the whole one gave. Each slot of a step has a
 * feature of its own, since the evaluations of Heun or DPM++ 2S within a step are of different latents.
 *
 * An evaluation for which a feature is missing is a whole one as well: where guidance begins in the middle of a round, the
 * unconditional row has none.
 */
export class CacheSchedule {
  /** By slot: the round and the rows of the newest whole evaluation. */
  readonly #kept = new Map<number, { readonly round: number; readonly branches: Branches }>();

  /** @param interval steps from one whole evaluation to the next; 1 caches nothing */
  constructor(readonly interval: number) {}

  /** Whether a step needs nothing of the steps before it, so that a run can be resumed there. */
  startsWhole(step: number): boolean {
    return step % this.interval === 0;
  }

  /** Whether the next evaluation is a shallow one. To be asked once for each, in their order. */
  isShallow({ step, slot }: EvaluationPlace, branches: Branches): boolean {
    const round = Math.floor(step / this.interval);
    const kept = this.#kept.get(slot);
    const covers = kept?.round === round && (branches === 'cond' || kept.branches === 'both');
    if (covers && !this.startsWhole(step)) return true;
    this.#kept.set(slot, { round, branches });
    return false;
  }
}
