/**
 * `npm run docs:convergence`: how quickly our samplers come to the exact answer, as the plots of docs/samplers.md. The data
 * is a Gaussian, whose denoiser and whose probability flow are known in closed form. And the guiders' scales over the
 * frames of a clip, for docs/parameters.md.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildGuider,
  createSampling,
  TorchRandom,
  type ComponentChoice,
  type Network,
} from '../samplers/index.js';
import { linePlot, type Series } from './line-plot.js';

const FOLDER = 'docs/pictures';
const [MEAN, DEVIATION] = [0.3, 0.7];
const SHAPE = [1, 4, 64, 64] as const;
const SIZE = SHAPE[1] * SHAPE[2] * SHAPE[3];
const STEPS = [3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 40, 55, 75, 100];

const edm = (sigmaMin: number, sigmaMax: number, rho: number): ComponentChoice => ({
  name: 'EDMDiscretization',
  overrides: { sigma_min: sigmaMin, sigma_max: sigmaMax, rho },
});
/** The levels that SVD is published with. */
const SVD_LEVELS = edm(0.002, 700, 7);

/** D(x; σ) = mean + (x − mean)·s²/(s² + σ²), turned into the velocity that SVD's scaling expects. */
const gaussian: Network = {
  evaluate: (input, cNoise) => {
    const sigma = Math.exp(4 * cNoise);
    const root = Math.hypot(sigma, 1);
    const raw = input.map((scaled) => {
      const x = scaled * root;
      const denoised = MEAN + ((x - MEAN) * DEVIATION ** 2) / (DEVIATION ** 2 + sigma ** 2);
      return -((denoised - x / root ** 2) * root) / sigma;
    });
    return Promise.resolve(raw);
  },
};

interface Outcome {
  readonly evaluations: number;
  readonly latents: Float32Array;
  readonly exact: Float32Array;
}

async function run(
  sampler: ComponentChoice,
  discretization: ComponentChoice,
  steps: number,
): Promise<Outcome> {
  const sampling = createSampling(
    { sampler, discretization, guider: 'IdentityGuider', steps },
    { frames: 1 },
  );
  const noise = new TorchRandom(4).randn(SIZE);
  const latents = await sampling.run({ network: gaussian, shape: SHAPE, noise, random: new TorchRandom(5) });
  const start = sampling.sigmas[0];
  const scale = DEVIATION / Math.hypot(DEVIATION, start);
  const exact = noise.map((n) => MEAN + (n * Math.sqrt(1 + start ** 2) - MEAN) * scale);
  return { evaluations: sampling.evaluations, latents, exact };
}

/** Root of the mean squared distance from where the exact flow leads, over the network evaluations. */
async function errors(name: string, sampler: ComponentChoice, levels: ComponentChoice): Promise<Series> {
  const points: [number, number][] = [];
  for (const steps of STEPS) {
    const { evaluations, latents, exact } = await run(sampler, levels, steps);
    const squares = latents.reduce((sum, x, i) => sum + (x - exact[i]) ** 2, 0);
    points.push([evaluations, Math.sqrt(squares / SIZE)]);
  }
  return { name, points };
}

/**
 * How far the spread of the samples is from that of the data: what counts for samplers that draw fresh noise. Less than the
 * standard error of so many samples cannot be told.
 */
async function spreads(name: string, sampler: ComponentChoice): Promise<Series> {
  const points: [number, number][] = [];
  for (const steps of STEPS) {
    const { evaluations, latents } = await run(sampler, SVD_LEVELS, steps);
    const mean = latents.reduce((sum, x) => sum + x, 0) / SIZE;
    const deviation = Math.sqrt(latents.reduce((sum, x) => sum + (x - mean) ** 2, 0) / SIZE);
    points.push([evaluations, Math.max(1 / Math.sqrt(2 * SIZE), Math.abs(deviation / DEVIATION - 1))]);
  }
  return { name, points };
}

const save = (name: string, svg: string): Promise<void> => writeFile(join(FOLDER, name), svg);

await save(
  'convergence-samplers.svg',
  linePlot({
    title: 'Distance from the exact answer, levels as published for SVD',
    across: 'network evaluations',
    series: [
      await errors('EulerEDMSampler', 'EulerEDMSampler', SVD_LEVELS),
      await errors('HeunEDMSampler', 'HeunEDMSampler', SVD_LEVELS),
      await errors('DPMPP2MSampler', 'DPMPP2MSampler', SVD_LEVELS),
      await errors('LinearMultistepSampler', 'LinearMultistepSampler', SVD_LEVELS),
    ],
  }),
);
await save(
  'convergence-levels.svg',
  linePlot({
    title: 'Different noise levels, with EulerEDMSampler unless it says otherwise',
    across: 'network evaluations',
    series: [
      await errors('EDM 0.002–700, rho 7 (SVD)', 'EulerEDMSampler', SVD_LEVELS),
      await errors('EDM 0.0292–14.6, rho 3', 'EulerEDMSampler', 'EDMDiscretization'),
      await errors('LegacyDDPM', 'EulerEDMSampler', 'LegacyDDPMDiscretization'),
      await errors('AlignYourSteps', 'EulerEDMSampler', 'AlignYourSteps'),
      await errors('AlignYourSteps, DPMPP2M', 'DPMPP2MSampler', 'AlignYourSteps'),
    ],
  }),
);
await save(
  'convergence-ancestral.svg',
  linePlot({
    title: 'Error of the spread of the samples, with fresh noise and without',
    across: 'network evaluations',
    series: [
      await spreads('EulerEDMSampler', 'EulerEDMSampler'),
      await spreads('EulerAncestralSampler', 'EulerAncestralSampler'),
      await spreads('DPMPP2SAncestralSampler', 'DPMPP2SAncestralSampler'),
    ],
  }),
);

const FRAMES = 25;

/** The scale of each frame, counted from 1. */
function scales(name: string, params: Record<string, number>): Series {
  const { scales: values } = buildGuider({ name, params }, FRAMES);
  return { name, points: Array.from(values ?? [], (scale, frame): [number, number] => [frame + 1, scale]) };
}

await save(
  'guidance.svg',
  linePlot({
    title: 'How strongly each frame is guided',
    across: 'frame',
    scale: 'linear',
    series: [
      scales('LinearPredictionGuider', { min_guidance_scale: 1, max_cfg_scale: 3 }),
      scales('TrianglePredictionGuider', { min_guidance_scale: 1, max_cfg_scale: 3, period: 1 }),
      scales('TrapezoidPredictionGuider', { min_guidance_scale: 1, max_cfg_scale: 3, edge_perc: 0.1 }),
      scales('VanillaCFG', { cfg_scale: 2.5 }),
    ],
  }),
);
