/**
 * Milliseconds a step for every sampler on latents of Stable Video Diffusion's full size, beside the same arithmetic
 * written one allocating operation at a time, in the same run.
 *
 *   npm run bench:samplers
 *
 * The network answers at once with a constant buffer and the random numbers are copied from a buffer, so what is
 * timed is the samplers' own work: scaling, guidance, denoising, the check for NaN, and the update.
 */
import { cpus } from 'node:os';
import {
  type ComponentChoice,
  createSampling,
  type Network,
  type NormalSource,
  type Sampling,
  TorchRandom,
} from '../samplers/index.js';
import { plainSampler } from './bench-samplers-baseline.js';

const SHAPE = [25, 4, 72, 128] as const;
const SIZE = SHAPE.reduce((product, n) => product * n, 1);
const STEPS = 10;
const ROUNDS = 7;

const CASES: readonly (readonly [label: string, sampler: ComponentChoice])[] = [
  ['EulerEDMSampler', 'EulerEDMSampler'],
  ['EulerEDMSampler, s_churn 4', { name: 'EulerEDMSampler', overrides: { s_churn: 4 } }],
  ['HeunEDMSampler', 'HeunEDMSampler'],
  ['EulerAncestralSampler', 'EulerAncestralSampler'],
  ['DPMPP2SAncestralSampler', { name: 'DPMPP2SAncestralSampler', overrides: { eta: 0.5 } }],
  ['DPMPP2MSampler', 'DPMPP2MSampler'],
  ['LinearMultistepSampler', 'LinearMultistepSampler'],
];

const normals = new TorchRandom(23).randn(SIZE);
const copied: NormalSource = { fillNormal: (out) => out.set(normals) };
const raw = new TorchRandom(7).randn(2 * SIZE);
const network: Network = { evaluate: () => Promise.resolve(raw) };

function samplingFor(sampler: ComponentChoice): Sampling {
  const discretization = { name: 'EDMDiscretization', params: { sigma_min: 0.002, sigma_max: 700, rho: 7 } };
  const guider = {
    name: 'LinearPredictionGuider',
    params: { min_guidance_scale: 1.5, max_cfg_scale: 3 },
  };
  return createSampling({ steps: STEPS, sampler, discretization, guider }, { frames: SHAPE[0] });
}

async function median(times: number, work: () => Promise<unknown>): Promise<number> {
  const measured: number[] = [];
  for (let round = 0; round < times; round++) {
    const start = performance.now();
    await work();
    measured.push(performance.now() - start);
  }
  return measured.sort((a, b) => a - b)[Math.floor(times / 2)];
}

function checkEqual(label: string, a: Float32Array, b: Float32Array): void {
  const off = a.findIndex((value, i) => value !== b[i]);
  if (off >= 0) throw new Error(`${label}: the two ways disagree at ${off}: ${a[off]} and ${b[off]}`);
}

async function main(): Promise<void> {
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${SHAPE.join('×')} float32`,
  );
  console.log(`\n| sampler | evaluations a step | ms a step | allocating baseline | ratio |`);
  console.log('|---|---|---|---|---|');
  for (const [label, sampler] of CASES) {
    const sampling = samplingFor(sampler);
    const fused = () => sampling.run({ network, shape: SHAPE, random: copied });
    const plain = () => plainSampler(sampling, raw, normals);
    // The first run of each also warms the compiler up; the bits must agree.
    checkEqual(label, await fused(), await plain());
    const ours = (await median(ROUNDS, fused)) / STEPS;
    const theirs = (await median(3, plain)) / STEPS;
    const cells = [
      label,
      (sampling.evaluations / STEPS).toFixed(1),
      ours.toFixed(1),
      theirs.toFixed(1),
      `${(theirs / ours).toFixed(1)}×`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const random = new TorchRandom(1);
  const buffer = new Float32Array(SIZE);
  const draw = await median(5, () => Promise.resolve(random.fillNormal(buffer)));
  console.log(`\nOne draw of ${SIZE} normal numbers: ${draw.toFixed(1)} ms`);
}

await main();
