import {
  buildDiscretization,
  buildGuider,
  buildSampler,
  buildScaling,
  completeParameters,
  type ScalingName,
} from './configuration/build.js';
import { type ComponentKind, STEPS } from './configuration/catalogue.js';
import {
  checkValue,
  type ResolvedComponent,
  resolveComponent,
  type Recipe,
} from './configuration/resolve.js';
import type { Branches } from './denoisers/network.js';
import { scheduleOf, type Sigmas } from './discretizations/schedule.js';
import { InvalidParameterError } from './errors/invalid-parameter-error.js';
import {
  branchesAt,
  checkResumable,
  countOverSteps,
  evaluationsOf,
  type Parts,
  type RunOptions,
  runSampling,
} from './run.js';
import type { SamplingState } from './state.js';

/**
 * A component: resolved with all its parameters (as in a model's recipe, not held to the wire limits), or a name,
 * alone or with overrides, completed by the documented defaults.
 */
export type ComponentChoice =
  | string
  | ResolvedComponent
  | { readonly name: string; readonly overrides?: Readonly<Record<string, unknown>> };

export interface SamplingRequest {
  readonly steps: number;
  readonly sampler: ComponentChoice;
  readonly discretization: ComponentChoice;
  readonly guider: ComponentChoice;
}

export interface SamplingContext {
  /** Frames of the clip, F. */
  readonly frames: number;
  /** How the network wants its input and gives its output. Default VScalingWithEDMcNoise, for SVD. */
  readonly scaling?: ScalingName;
}

/** A sampler ready to run, any number of times. */
export interface Sampling extends Recipe {
  readonly frames: number;
  readonly scaling: ScalingName;
  /** steps + 1 levels, float32, the last 0. */
  readonly sigmas: Sigmas;
  /** Network evaluations of a whole run. */
  readonly evaluations: number;
  /** What each evaluation of step i, from 0, asks of the network. */
  readonly branchesAt: (i: number) => readonly Branches[];
  /** Normal draws of a whole run, each of the latents' shape, the starting noise not counted. */
  readonly draws: number;
  /** Samples latents [F,C,h,w]. See `runSampling`. */
  readonly run: (options: RunOptions) => Promise<Float32Array>;
  /**
   * Says beforehand whether a run of this shape can go on from a state.
   * @throws InvalidStateError when the state is damaged or belongs to another run
   */
  readonly checkState: (state: SamplingState, shape: RunOptions['shape']) => void;
}

/**
 * From component names and parameters to a sampler ready to run.
 * @throws InvalidParameterError naming the field, InvalidScheduleError
 */
export function createSampling(request: SamplingRequest, context: SamplingContext): Sampling {
  const { frames, scaling = 'VScalingWithEDMcNoise' } = context;
  if (!Number.isInteger(frames) || frames < 1) {
    throw new InvalidParameterError('frames', frames, 'an integer of at least 1');
  }
  const recipe: Recipe = {
    steps: checkValue(STEPS, request.steps),
    sampler: resolveChoice('sampler', request.sampler),
    discretization: resolveChoice('discretization', request.discretization),
    guider: resolveChoice('guider', request.guider),
  };
  const parts: Parts = {
    sampler: buildSampler(recipe.sampler),
    sigmas: scheduleOf(buildDiscretization(recipe.discretization), recipe.steps),
    scaling: buildScaling(scaling),
    guider: buildGuider(recipe.guider, frames),
    plan: JSON.stringify({ ...recipe, scaling }),
  };
  return {
    ...recipe,
    frames,
    scaling,
    sigmas: parts.sigmas.slice(),
    evaluations: countOverSteps(evaluationsOf(parts.sampler), parts.sigmas),
    branchesAt: (i) =>
      parts.sampler.levelsAt(parts.sigmas, i).map((sigma) => branchesAt(parts.guider, sigma)),
    draws: countOverSteps(parts.sampler.drawsAt, parts.sigmas),
    run: async (options) => {
      if (options.shape[0] !== frames) {
        throw new InvalidParameterError(
          'shape',
          options.shape,
          `${frames} frames, as the sampling was made for`,
        );
      }
      return runSampling(parts, options);
    },
    checkState: (state, shape) => checkResumable(parts, shape, state),
  };
}

function resolveChoice(kind: ComponentKind, choice: ComponentChoice): ResolvedComponent {
  if (typeof choice === 'string') return resolveComponent(kind, choice);
  if (typeof choice !== 'object' || choice === null) return resolveComponent(kind, choice);
  if ('params' in choice) return { name: choice.name, params: completeParameters(kind, choice) };
  return resolveComponent(kind, choice.name, choice.overrides);
}
