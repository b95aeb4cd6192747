/**
 * Every component that can be asked for by name, with its parameters: plain data, from which a server can build its
 * checks, its documentation and its forms. Names and defaults are those of the published API.
 */
export type ComponentKind = 'sampler' | 'discretization' | 'guider';

export interface ParameterSpec {
  /** Name on the wire. */
  readonly name: string;
  readonly type: 'number' | 'integer';
  /** Smallest and largest value allowed, both included. */
  readonly min: number;
  readonly max: number;
  /** Taken when the component is named and the parameter is not. */
  readonly default: number;
  readonly description: string;
}

export interface ComponentSpec {
  /** Name on the wire. */
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly ParameterSpec[];
}

type Bounds = readonly [min: number, max: number];

const number = (name: string, [min, max]: Bounds, preset: number, description: string): ParameterSpec => ({
  name,
  type: 'number',
  min,
  max,
  default: preset,
  description,
});
const integer = (name: string, bounds: Bounds, preset: number, description: string): ParameterSpec => ({
  ...number(name, bounds, preset, description),
  type: 'integer',
});

/** Larger than any noise level: as a limit it stands for "no limit". */
export const NO_LIMIT = 1e6;

export const STEPS = integer('steps', [1, 1000], 40, 'Sampler steps');

const CHURN = [
  number('s_churn', [0, 1000], 0, 'Noise put back over the whole run; 0 is deterministic'),
  number('s_tmin', [0, NO_LIMIT], 0, 'Lowest noise level at which noise is put back'),
  number('s_tmax', [0, NO_LIMIT], 999, 'Highest noise level at which noise is put back'),
  number('s_noise', [0, 100], 1, 'Standard deviation of the noise put back'),
];

const ANCESTRAL = [
  number('eta', [0, 1], 1, 'Part of each step that is replaced by fresh noise; 0 is deterministic'),
  number('s_noise', [0, 1], 1, 'Standard deviation of the fresh noise'),
];

const SAMPLERS: readonly ComponentSpec[] = [
  { name: 'EulerEDMSampler', description: 'Euler steps, one evaluation each', parameters: CHURN },
  { name: 'HeunEDMSampler', description: 'Second-order Heun steps, two evaluations each', parameters: CHURN },
  {
    name: 'EulerAncestralSampler',
    description: 'Euler steps with fresh noise, one evaluation each',
    parameters: ANCESTRAL,
  },
  {
    name: 'DPMPP2SAncestralSampler',
    description: 'DPM-Solver++(2S) steps with fresh noise, two evaluations each',
    parameters: ANCESTRAL,
  },
  {
    name: 'DPMPP2MSampler',
    description: 'DPM-Solver++(2M): second order from the step before, one evaluation each',
    parameters: [],
  },
  {
    name: 'LinearMultistepSampler',
    description: 'Adams-Bashforth steps from the last slopes, one evaluation each',
    parameters: [
      integer(
        'order',
        [1, 1000],
        4,
        'Slopes combined; each keeps one more copy of the latents, above 4 is unstable',
      ),
    ],
  },
];

const SIGMAS: Bounds = [1e-6, 1e5];

const DISCRETIZATIONS: readonly ComponentSpec[] = [
  {
    name: 'EDMDiscretization',
    description: 'Levels evenly spaced in sigma^(1/rho)',
    parameters: [
      number('sigma_min', SIGMAS, 0.0292, 'Last noise level before 0; below sigma_max'),
      number('sigma_max', SIGMAS, 14.6146, 'First noise level'),
      number('rho', [0.1, 100], 3, 'Above 1 more levels lie near sigma_min'),
    ],
  },
  {
    name: 'LegacyDDPMDiscretization',
    description: 'The training levels of a DDPM at roughly equal steps',
    parameters: [
      number('linear_start', [1e-6, 0.999], 0.00085, 'First beta of the training schedule'),
      number(
        'linear_end',
        [1e-6, 0.999],
        0.012,
        'Last beta of the training schedule; not below linear_start',
      ),
      integer('num_timesteps', [1, 10000], 1000, 'Levels of the training schedule; steps may not exceed it'),
    ],
  },
  {
    name: 'AlignYourSteps',
    description: 'Levels optimised for Stable Video Diffusion at 10 steps, interpolated to any number',
    parameters: [],
  },
  {
    name: 'LCMDiscretization',
    description: 'Every so many of the levels at which a consistency model was distilled',
    parameters: [
      number('sigma_min', SIGMAS, 0.002, 'Last noise level of the model; below sigma_max'),
      number('sigma_max', SIGMAS, 700, 'First noise level'),
      number('rho', [0.1, 100], 7, 'Above 1 more levels lie near sigma_min'),
      integer('num_timesteps', [1, 10000], 40, 'Levels of the model; steps may not exceed it'),
    ],
  },
];

const INTERVAL = [
  number('guidance_sigma_min', [0, NO_LIMIT], 0, 'Lowest noise level at which guidance is applied'),
  number('guidance_sigma_max', [0, NO_LIMIT], NO_LIMIT, 'Highest noise level at which guidance is applied'),
];

const PREDICTION_SCALES = [
  number('max_cfg_scale', [1, 1000], 1.5, 'Guidance scale at its highest'),
  number('min_guidance_scale', [1, 10], 1, 'Guidance scale at its lowest'),
];

const GUIDERS: readonly ComponentSpec[] = [
  {
    name: 'VanillaCFG',
    description: 'Classifier-free guidance with one scale for all frames',
    parameters: [number('cfg_scale', [0, 1000], 5, 'Guidance scale; 1 is no guidance'), ...INTERVAL],
  },
  {
    name: 'LinearPredictionGuider',
    description: 'Guidance scale rising from the first frame to the last',
    parameters: [...PREDICTION_SCALES, ...INTERVAL],
  },
  {
    name: 'TrianglePredictionGuider',
    description: 'Guidance scale rising to the middle frame and falling again',
    parameters: [
      ...PREDICTION_SCALES,
      number('period', [0.01, 100], 1, 'Length of one rise and fall as a part of the clip'),
      ...INTERVAL,
    ],
  },
  {
    name: 'TrapezoidPredictionGuider',
    description: 'Guidance on short ramps at both ends, none between them',
    parameters: [
      ...PREDICTION_SCALES,
      number('edge_perc', [0, 0.5], 0.1, 'Part of the clip taken by each ramp'),
      ...INTERVAL,
    ],
  },
  { name: 'IdentityGuider', description: 'No guidance: half the work', parameters: [] },
];

export const CATALOGUE: Readonly<Record<ComponentKind, readonly ComponentSpec[]>> = {
  sampler: SAMPLERS,
  discretization: DISCRETIZATIONS,
  guider: GUIDERS,
};

export const COMPONENT_KINDS = [
  'sampler',
  'discretization',
  'guider',
] as const satisfies readonly ComponentKind[];
