import type { Sampling } from '../samplers/index.js';
import {
  latentBytes,
  latentShape,
  openCheckpoints,
  sampleLatents,
  type ClipContext,
  type Report,
} from './clip.js';
import type { ClipParams } from './clip-params.js';
import type { StageClock } from './clip-stages.js';
import { decodeFrames } from './decode.js';
import { planEvaluations, prepareSampling, shareOfClip } from './evaluation-plan.js';
import type { EvaluationCounts, EvaluationPlan } from './evaluation-plan.js';
import type { MemoryFallbacks } from './memory-fallbacks.js';
import { fitPicture, toTensor } from './picture.js';
import { fitFrames } from './story-frames.js';
import type { StoryJob } from './story-job.js';

/** Checkpoints of a whole story may take so much of the disk, about; a larger story has none. */
const MAX_CHECKPOINT_BYTES = 2 ** 30;

export interface AnimationParts {
  readonly context: ClipContext;
  /** All scenes' alike: they are of one size. */
  readonly memory: MemoryFallbacks;
  readonly clock: StageClock;
}

/** The scenes of a story whose pictures are animated: each is a clip, made when its turn comes and fitted to its time. */
export class AnimatedScenes {
  readonly #job: StoryJob;
  readonly #clip: ClipParams;
  readonly #parts: AnimationParts;
  readonly #sampling: Sampling;
  readonly #plan: EvaluationPlan;
  #resumedSteps = 0;

  constructor(job: StoryJob, clip: ClipParams, parts: AnimationParts) {
    this.#job = job;
    this.#clip = clip;
    this.#parts = parts;
    const { manifest } = parts.context.model;
    this.#sampling = prepareSampling(clip, manifest);
    this.#plan = planEvaluations(clip, manifest);
  }

  /** Sampling steps that an earlier run of the job had done. */
  get resumedSteps(): number {
    return this.#resumedSteps;
  }

  /** Of the network, all scenes together. */
  get evaluations(): EvaluationCounts {
    const scenes = this.#job.pictures.length;
    return { full: this.#plan.full * scenes, shallow: this.#plan.shallow * scenes };
  }

  *scenes(): Generator<AsyncIterable<Uint8Array>> {
    for (const scene of this.#job.pictures.keys()) {
      yield fitFrames(this.#frames(scene), this.#clip.T, this.#job.params.frames_per_scene);
    }
  }

  /** The frames of a scene's clip, sampled when the first is asked for and then decoded as they are taken. */
  async *#frames(index: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { context, memory } = this.#parts;
    const picture = this.#job.pictures[index];
    const params = { ...this.#clip, seed: this.#job.params.seed + index };
    const { W, H, T, decoding_t, decoding_overlap: overlap } = params;
    const shape = latentShape(params, context.model);
    const report = this.#report(index);
    const checkpoints = await openCheckpoints({ picture, params, ...this.#checkpointFolder() }, context);
    const latents = await sampleLatents(
      {
        index,
        params,
        picture: toTensor((await fitPicture(picture, W, H)).rgb),
        sampling: this.#sampling,
        memory,
        checkpoints,
        report,
      },
      shape,
      params.seed,
      context,
    );
    this.#resumedSteps += checkpoints?.resumedSteps ?? 0;
    report('decode', 0, T);
    let decoded = 0;
    for await (const frame of decodeFrames(context.model, latents, shape, decoding_t, { overlap, memory })) {
      yield frame;
      report('decode', ++decoded, T);
    }
  }

  #report(scene: number): Report {
    const { clock, context } = this.#parts;
    return (stage, step, steps) => {
      clock.enter(stage);
      const parts = this.#job.pictures.length;
      const progress = (scene + shareOfClip(this.#plan, stage, step, steps)) / parts;
      context.onProgress({ stage, part: scene + 1, parts, step, steps, progress });
    };
  }

  #checkpointFolder(): Pick<StoryJob, 'checkpoints'> {
    const { checkpoints, pictures } = this.#job;
    const bytes = latentBytes(this.#clip, this.#parts.context.model) * pictures.length;
    return checkpoints === undefined || bytes > MAX_CHECKPOINT_BYTES ? {} : { checkpoints };
  }
}
