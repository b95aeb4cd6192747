import type { Run, Sampler } from './algorithms/sampler.js';
import type { Branches, Network } from './denoisers/network.js';
import type { Scaling } from './denoisers/scalings.js';
import { checkSchedule, type Sigmas } from './discretizations/schedule.js';
import { InvalidParameterError } from './errors/invalid-parameter-error.js';
import { NonFiniteError } from './errors/non-finite-error.js';
import { f32, sqrt32, square32 } from './float32.js';
import type { Guider } from './guiders/guider.js';
import { allFinite, denoiseGuidedInto, denoiseInto, scaleInto } from './kernels.js';
import { isRestorable, type NormalSource } from './random/normal-source.js';
import { checkState, type SamplingState } from './state.js';

/** The parts of a run, chosen and checked. */
export interface Parts {
  readonly sampler: Sampler;
  readonly sigmas: Sigmas;
  readonly scaling: Scaling;
  readonly guider: Guider;
  /** Names the run in its saved states; equal plans must mean equal runs. */
  readonly plan: string;
}

/** One prediction has been made. Counts start at 1; `evaluations` is the number in the whole run. */
export interface EvaluationEvent {
  readonly step: number;
  readonly steps: number;
  readonly evaluation: number;
  readonly evaluations: number;
  /** The level the denoiser was asked for. */
  readonly sigma: number;
  readonly branches: Branches;
  /** The prediction of the clean latents, [F,C,h,w]. A view: valid until the callback settles, not to be written. */
  readonly denoised: Float32Array;
}

/** One step is done. `step` counts from 1, so it is also the number of steps done. */
export interface StepEvent {
  readonly step: number;
  readonly steps: number;
  /** The level reached; 0 after the last step. */
  readonly sigma: number;
  /** The latents at that level. A view: valid until the callback settles, not to be written. */
  readonly x: Float32Array;
  /** Copies all that is needed to go on from here. */
  readonly save: () => SamplingState;
}

export interface RunOptions {
  readonly network: Network;
  /** Latents' shape [F,C,h,w]. */
  readonly shape: readonly [frames: number, channels: number, height: number, width: number];
  /** Draws, each of the whole shape: the starting noise (unless `noise` is given), then what the sampler needs. */
  readonly random?: NormalSource | undefined;
  /** Starting noise from N(0, 1), [F,C,h,w], unscaled. Copied. */
  readonly noise?: Float32Array | undefined;
  /** Checked before and after every evaluation; the run rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Waited for after every evaluation. */
  readonly onEvaluation?: ((event: EvaluationEvent) => void | Promise<void>) | undefined;
  /** Waited for after every step. */
  readonly onStep?: ((event: StepEvent) => void | Promise<void>) | undefined;
  /** Goes on after a saved step instead of starting from noise. */
  readonly resume?: SamplingState | undefined;
}

/**
 * Samples latents [F,C,h,w]: starts from noise of size sqrt(1 + sigma_0^2), or from a saved state, and lets the sampler
 * take every step down to 0.
 * @throws InvalidParameterError, InvalidScheduleError, InvalidStateError, NonFiniteError, or the signal's reason
 */
export async function runSampling(parts: Parts, options: RunOptions): Promise<Float32Array> {
  const { sampler, sigmas } = parts;
  checkOptions(parts, options);
  const run = new SamplingRun(parts, options);
  for (let i = run.start(); i < sigmas.length - 1; i++) {
    run.begin(i);
    await sampler.step(run, i);
    await options.onStep?.({
      step: i + 1,
      steps: sigmas.length - 1,
      sigma: sigmas[i + 1],
      x: run.x,
      save: () => run.save(i + 1),
    });
  }
  run.checkLatents();
  return run.x;
}

/** Which predictions a guider wants at a level. */
export const branchesAt = (guider: Guider, sigma: number): Branches =>
  guider.scales !== null && guider.needsUnconditional(sigma) ? 'both' : 'cond';

/** How many evaluations a sampler makes at a step. */
export const evaluationsOf =
  ({ levelsAt }: Sampler) =>
  (sigmas: Sigmas, i: number): number =>
    levelsAt(sigmas, i).length;

/** Sum of a step's count over the steps before `end`. */
export function countOverSteps(
  at: (sigmas: Sigmas, i: number) => number,
  sigmas: Sigmas,
  end = sigmas.length - 1,
): number {
  let sum = 0;
  for (let i = 0; i < end; i++) sum += at(sigmas, i);
  return sum;
}

function checkOptions({ sampler, sigmas, guider }: Parts, options: RunOptions): void {
  const { shape, noise, random, resume } = options;
  checkSchedule(sigmas);
  if (shape.length !== 4 || !shape.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new InvalidParameterError(
      'shape',
      shape,
      'four whole numbers of at least 1: frames, channels, height, width',
    );
  }
  if (guider.scales !== null && shape[0] !== guider.scales.length) {
    throw new InvalidParameterError(
      'shape',
      shape,
      `${guider.scales.length} frames, as many as the guider has scales`,
    );
  }
  const size = sizeOf(shape);
  if (noise !== undefined && noise.length !== size) {
    throw new InvalidParameterError('noise', `${noise.length} values`, `${size} values`);
  }
  const draws = countOverSteps(sampler.drawsAt, sigmas);
  if (random === undefined && (draws > 0 || (noise === undefined && resume === undefined))) {
    throw new InvalidParameterError('random', random, 'a source of normal numbers: this run draws from it');
  }
}

const sizeOf = (shape: RunOptions['shape']): number => shape[0] * shape[1] * shape[2] * shape[3];

/** The buffers and the position of one run. */
class SamplingRun implements Run {
  readonly sigmas: Sigmas;
  readonly x: Float32Array;
  readonly history: Float32Array[] = [];
  readonly #parts: Parts;
  readonly #options: RunOptions;
  readonly #input: Float32Array;
  readonly #evaluations: number;
  /** The step being taken and the evaluations it has made, from 0. */
  #step = 0;
  #slot = 0;
  #evaluation = 0;
  #denoised: Float32Array;
  #noise: Float32Array | undefined;
  readonly #scratch: Float32Array[] = [];

  constructor(parts: Parts, options: RunOptions) {
    const size = sizeOf(options.shape);
    this.sigmas = parts.sigmas;
    this.#parts = parts;
    this.#options = options;
    this.x = new Float32Array(size);
    this.#input = new Float32Array(size);
    this.#denoised = new Float32Array(size);
    this.#evaluations = countOverSteps(evaluationsOf(parts.sampler), parts.sigmas);
  }

  /** Fills x from the noise or the saved state. Returns the index of the first step to take. */
  start(): number {
    const { resume, noise, random } = this.#options;
    if (resume !== undefined) return this.#resume(resume);
    if (noise !== undefined) this.x.set(noise);
    else random?.fillNormal(this.x);
    scaleInto(this.x, this.x, sqrt32(f32(1 + square32(this.sigmas[0]))));
    return 0;
  }

  begin(step: number): void {
    this.#step = step;
    this.#slot = 0;
  }

  async denoise(x: Float32Array, sigma: number): Promise<Float32Array> {
    const { network, signal, onEvaluation } = this.#options;
    const { scaling, guider } = this.#parts;
    const branches = branchesAt(guider, sigma);
    const scales = branches === 'both' ? guider.scales : null;
    const coefficients = scaling(sigma);
    const place = { step: this.#step, slot: this.#slot++ };
    signal?.throwIfAborted();
    scaleInto(this.#input, x, coefficients.cIn);
    const raw = await network.evaluate(this.#input, coefficients.cNoise, branches, place);
    signal?.throwIfAborted();
    const expected = scales === null ? x.length : 2 * x.length;
    if (!(raw instanceof Float32Array) || raw.length !== expected) {
      const given = raw instanceof Float32Array ? `${raw.length} values` : raw;
      throw new InvalidParameterError("network's output", given, `a Float32Array of ${expected} values`);
    }
    const denoised = this.#denoised;
    const finite =
      scales === null
        ? denoiseInto(denoised, raw, x, coefficients)
        : denoiseGuidedInto(denoised, raw, x, coefficients, scales);
    const steps = this.sigmas.length - 1;
    if (!finite) throw new NonFiniteError(this.#step + 1, steps, sigma, 'network');
    this.#evaluation++;
    await onEvaluation?.({
      step: this.#step + 1,
      steps,
      evaluation: this.#evaluation,
      evaluations: this.#evaluations,
      sigma,
      branches,
      denoised,
    });
    return denoised;
  }

  drawNormal(): Float32Array {
    const { random } = this.#options;
    if (random === undefined) throw new InvalidParameterError('random', random, 'a source of normal numbers');
    this.#noise ??= new Float32Array(this.x.length);
    random.fillNormal(this.#noise);
    return this.#noise;
  }

  scratch(slot: number): Float32Array {
    return (this.#scratch[slot] ??= new Float32Array(this.x.length));
  }

  remember(limit: number): void {
    this.history.unshift(this.#denoised);
    const forgotten = this.history.length > limit ? this.history.pop() : undefined;
    this.#denoised = forgotten ?? new Float32Array(this.x.length);
  }

  save(step: number): SamplingState {
    const { random } = this.#options;
    return {
      version: 1,
      plan: planOf(this.#parts, this.#options.shape),
      step,
      x: this.x.slice(),
      history: this.history.map((array) => array.slice()),
      random: isRestorable(random) ? random.save() : null,
    };
  }

  /** Finite predictions can still overflow in a sampler's own extrapolation. */
  checkLatents(): void {
    const steps = this.sigmas.length - 1;
    if (!allFinite(this.x)) throw new NonFiniteError(steps, steps, 0, 'latents');
  }

  #resume(state: SamplingState): number {
    const { random, shape } = this.#options;
    const { sampler, sigmas } = this.#parts;
    checkResumable(this.#parts, shape, state);
    if (state.random !== null && isRestorable(random)) random.restore(state.random);
    this.x.set(state.x);
    this.history.push(...state.history.map((array) => array.slice()));
    this.#evaluation = countOverSteps(evaluationsOf(sampler), sigmas, state.step);
    return state.step;
  }
}

const planOf = ({ plan }: Parts, shape: RunOptions['shape']): string => `${plan} ${shape.join('x')}`;

/** @throws InvalidStateError when the state is damaged or belongs to another run */
export function checkResumable(parts: Parts, shape: RunOptions['shape'], state: SamplingState): void {
  const { sampler, sigmas } = parts;
  checkState(state, {
    plan: planOf(parts, shape),
    steps: sigmas.length - 1,
    size: sizeOf(shape),
    remembers: sampler.remembers,
  });
}
