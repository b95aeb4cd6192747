import { dpmpp2m } from '../algorithms/dpmpp-2m.js';
import { dpmpp2sAncestral } from '../algorithms/dpmpp-2s-ancestral.js';
import { eulerAncestral } from '../algorithms/euler-ancestral.js';
import { eulerEDM } from '../algorithms/euler-edm.js';
import { heunEDM } from '../algorithms/heun-edm.js';
import { linearMultistep } from '../algorithms/linear-multistep.js';
import type { Sampler } from '../algorithms/sampler.js';
import { discreteDenoiser } from '../denoisers/discrete-denoiser.js';
import {
  edmScaling,
  epsScaling,
  type Scaling,
  vScaling,
  vScalingWithEDMcNoise,
} from '../denoisers/scalings.js';
import { alignYourSteps } from '../discretizations/align-your-steps.js';
import { edmDiscretization } from '../discretizations/edm.js';
import { lcmDiscretization } from '../discretizations/lcm.js';
import { legacyDDPMDiscretization } from '../discretizations/legacy-ddpm.js';
import { type Discretization, tableOf } from '../discretizations/schedule.js';
import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import type { GuidanceInterval, Guider } from '../guiders/guider.js';
import { identityGuider } from '../guiders/identity.js';
import { linearPredictionGuider } from '../guiders/linear-prediction.js';
import { trapezoidPredictionGuider } from '../guiders/trapezoid-prediction.js';
import { trianglePredictionGuider } from '../guiders/triangle-prediction.js';
import { vanillaCFG } from '../guiders/vanilla-cfg.js';
import { type ComponentKind, NO_LIMIT } from './catalogue.js';
import { type ResolvedComponent, specOf } from './resolve.js';

type Params = Readonly<Record<string, number>>;

const churn = (p: Params) => ({ sChurn: p.s_churn, sTmin: p.s_tmin, sTmax: p.s_tmax, sNoise: p.s_noise });
const ancestral = (p: Params) => ({ eta: p.eta, sNoise: p.s_noise });
const scales = (p: Params) => ({ maxCfgScale: p.max_cfg_scale, minGuidanceScale: p.min_guidance_scale });

const SAMPLERS: Readonly<Record<string, (p: Params) => Sampler>> = {
  EulerEDMSampler: (p) => eulerEDM(churn(p)),
  HeunEDMSampler: (p) => heunEDM(churn(p)),
  EulerAncestralSampler: (p) => eulerAncestral(ancestral(p)),
  DPMPP2SAncestralSampler: (p) => dpmpp2sAncestral(ancestral(p)),
  DPMPP2MSampler: () => dpmpp2m(),
  LinearMultistepSampler: (p) => linearMultistep({ order: p.order }),
};

const edm = (p: Params) => ({ sigmaMin: p.sigma_min, sigmaMax: p.sigma_max, rho: p.rho });

const DISCRETIZATIONS: Readonly<Record<string, (p: Params) => Discretization>> = {
  EDMDiscretization: (p) => edmDiscretization(edm(p)),
  LegacyDDPMDiscretization: (p) =>
    legacyDDPMDiscretization({
      linearStart: p.linear_start,
      linearEnd: p.linear_end,
      numTimesteps: p.num_timesteps,
    }),
  AlignYourSteps: () => alignYourSteps(),
  LCMDiscretization: (p) => lcmDiscretization({ ...edm(p), numTimesteps: p.num_timesteps }),
};

const GUIDERS: Readonly<Record<string, (p: Params, frames: number) => Guider>> = {
  VanillaCFG: (p, frames) => vanillaCFG(p.cfg_scale, frames, interval(p)),
  LinearPredictionGuider: (p, frames) => linearPredictionGuider(scales(p), frames, interval(p)),
  TrianglePredictionGuider: (p, frames) =>
    trianglePredictionGuider({ ...scales(p), period: p.period }, frames, interval(p)),
  TrapezoidPredictionGuider: (p, frames) =>
    trapezoidPredictionGuider({ ...scales(p), edgePerc: p.edge_perc }, frames, interval(p)),
  IdentityGuider: () => identityGuider,
};

/** How the networks in use are wrapped: continuous, or rounded to the 1000 levels a DDPM was trained on. */
const SCALINGS = {
  VScalingWithEDMcNoise: (): Scaling => vScalingWithEDMcNoise,
  EDMScaling: (): Scaling => edmScaling(),
  EpsScaling: (): Scaling => discreteDenoiser(epsScaling, { table: trainedLevels() }),
  VScaling: (): Scaling => discreteDenoiser(vScaling, { table: trainedLevels() }),
} as const;

export type ScalingName = keyof typeof SCALINGS;
export const SCALING_NAMES = Object.keys(SCALINGS) as readonly ScalingName[];

const trainedLevels = (): Float32Array =>
  tableOf(legacyDDPMDiscretization({ linearStart: 0.00085, linearEnd: 0.012, numTimesteps: 1000 }), 1000);

export const buildSampler = (c: ResolvedComponent): Sampler =>
  SAMPLERS[c.name](completeParameters('sampler', c));

export const buildDiscretization = (c: ResolvedComponent): Discretization =>
  DISCRETIZATIONS[c.name](completeParameters('discretization', c));

/** @param frames the guiders have one scale for each */
export const buildGuider = (c: ResolvedComponent, frames: number): Guider =>
  GUIDERS[c.name](completeParameters('guider', c), frames);

/** @throws InvalidParameterError naming `scaling` */
export function buildScaling(name: ScalingName): Scaling {
  if (!Object.hasOwn(SCALINGS, name)) {
    throw new InvalidParameterError('scaling', name, `one of ${SCALING_NAMES.join(', ')}`);
  }
  return SCALINGS[name]();
}

/**
 * The parameters with absent ones at their documented defaults. The wire limits are not applied: a model's recipe may
 * go beyond them (an eta that redraws everything, for one); what the mathematics forbids, the components refuse.
 */
export function completeParameters(kind: ComponentKind, { name, params }: ResolvedComponent): Params {
  const spec = specOf(kind, name);
  for (const [field, value] of Object.entries(params)) {
    if (!spec.parameters.some((parameter) => parameter.name === field)) {
      throw new InvalidParameterError(field, value, `left out: ${name} does not take it`);
    }
    if (!Number.isFinite(value)) throw new InvalidParameterError(field, value, 'a finite number');
  }
  const defaults = spec.parameters.map((parameter) => [parameter.name, parameter.default] as const);
  return { ...Object.fromEntries(defaults), ...params };
}

function interval(p: Params): GuidanceInterval | undefined {
  const [low, high] = [p.guidance_sigma_min, p.guidance_sigma_max];
  return low === 0 && high === NO_LIMIT ? undefined : { low, high };
}
