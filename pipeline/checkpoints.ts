import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SamplingState } from '../samplers/index.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.js';
import type { ClipJob, ClipNote } from './clip-job.js';
import { reasonOf } from './device-errors.js';
import type { Model } from './model.js';
import { SaveBudget } from './save-budget.js';

/** Decides when to save. */
export type Budget = Pick<SaveBudget, 'due' | 'spend'>;

/** Measured at 4 ms for each MB and more, most of it the flush: a guess until a clip's own first save. */
const SAVE_MS = 2;
const SAVE_MS_PER_BYTE = 5e-6;

/** A budget for states of about so many bytes. */
export const budgetFor = (bytes: number): Budget => new SaveBudget(SAVE_MS + SAVE_MS_PER_BYTE * bytes);

/**
 * What is saved of a clip while it is sampled, so that another process can go on: the latest state of each variation, in
 * a file of its own. The state after the last step is one too, from which a variation is only decoded again.
 *
 * Checkpoints are a help, never a need: one that cannot be read or written is told of, and the clip goes on without.
 */
export class Checkpoints {
  readonly #folder: string;
  readonly #belongsTo: string;
  readonly #onNote: (note: ClipNote) => void;
  readonly #budget: Budget;
  #toldOfFailure = false;
  #resumedSteps = 0;

  /** @param belongsTo names all that decides the clip: the checkpoints of another one are not used */
  constructor(folder: string, belongsTo: string, onNote: (note: ClipNote) => void, budget: Budget) {
    this.#folder = folder;
    this.#belongsTo = belongsTo;
    this.#onNote = onNote;
    this.#budget = budget;
  }

  /** Steps that are not taken again, all variations together. */
  get resumedSteps(): number {
    return this.#resumedSteps;
  }

  /** Where a variation was; undefined when it begins anew. `check` throws what is wrong with a state. */
  async load(variation: number, check: (state: SamplingState) => void): Promise<SamplingState | undefined> {
    try {
      const state = await readCheckpoint(this.#path(variation), this.#belongsTo);
      if (!state) return undefined;
      check(state);
      this.#resumedSteps += state.step;
      this.#note('info', 'clip resumed', { variation, step: state.step });
      return state;
    } catch (error) {
      this.#note('warn', 'checkpoint ignored, the variation begins anew', reason(variation, error));
      return undefined;
    }
  }

  /** Saves a variation's state if that is due. */
  async offer(variation: number, save: () => SamplingState): Promise<void> {
    if (!this.#budget.due) return;
    try {
      await this.#budget.spend(() => writeCheckpoint(this.#path(variation), this.#belongsTo, save()));
    } catch (error) {
      if (this.#toldOfFailure) return;
      this.#toldOfFailure = true;
      this.#note('warn', 'checkpoint cannot be saved, the clip goes on without', reason(variation, error));
    }
  }

  #note(level: ClipNote['level'], message: string, details: ClipNote['details']): void {
    this.#onNote({ level, message, details });
  }

  #path(variation: number): string {
    return join(this.#folder, `variation-${variation}.checkpoint`);
  }
}

/**
 * Names all that decides a clip bit for bit: its parameters and picture, the model, and the kind of device, since
 * devices round differently.
 */
export async function nameOfClip(
  { params, picture }: Pick<ClipJob, 'params' | 'picture'>,
  model: Model,
): Promise<string> {
  const pictureDigest = createHash('sha256')
    .update(await readFile(picture))
    .digest('hex');
  const { manifest, device, halfBatch } = model;
  const parts = { params, picture: pictureDigest, manifest, device: device.split(':')[0], halfBatch };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

const reason = (variation: number, error: unknown): ClipNote['details'] => ({
  variation,
  reason: reasonOf(error),
});
