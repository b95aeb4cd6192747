/**
 * Replays recorded sampling runs of the reference and compares everything: noise levels, the sigma of every
 * evaluation, the normal draws consumed, the final latents.
 *
 *   npm run check:trajectories -- FILE...
 *
 * Exit status: 0 all within tolerance, 1 some case is not, 2 a file cannot be used.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  buildDiscretization,
  buildGuider,
  buildSampler,
  buildScaling,
  type Guider,
  type Network,
  type NormalSource,
  type Parts,
  runSampling,
  type ScalingName,
  scheduleOf,
  trianglePredictionGuider,
} from '../samplers/index.js';

/** Largest deviation of the latents as a part of max(1, largest recorded value). */
export const LATENTS_TOLERANCE = 1e-4;
/** Largest relative deviation of a noise level. */
export const SIGMA_TOLERANCE = 1e-6;

const SCALINGS: Readonly<Record<'edm_v' | 'edm' | 'eps' | 'v', ScalingName>> = {
  edm_v: 'VScalingWithEDMcNoise',
  edm: 'EDMScaling',
  eps: 'EpsScaling',
  v: 'VScaling',
};

const numbers = z.array(z.number());
const component = z.object({ name: z.string() }).catchall(z.union([z.number(), z.string(), numbers]));
const trajectory = z.object({
  id: z.string(),
  sampler: component,
  discretization: component,
  guider: component,
  scaling: z.enum(['edm_v', 'edm', 'eps', 'v']),
  steps: z.int().min(1),
  shape: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1), z.int().min(1)]),
  sigmas: numbers,
  denoiser_sigmas: numbers,
  inputs: z.object({ noise: numbers, concat: numbers, vector: numbers, crossattn: numbers }),
  step_noise: z.array(numbers),
  output: numbers,
});
const trajectoryFile = z.object({ cases: z.array(trajectory).min(1) });

export type Trajectory = z.infer<typeof trajectory>;
type Component = z.infer<typeof component>;

export interface CaseReport {
  readonly id: string;
  /** Largest deviation of the latents, absolute and as a part of max(1, largest recorded value). */
  readonly deviation: number;
  readonly relative: number;
  /** What is beyond tolerance; empty when the case passes. */
  readonly faults: readonly string[];
}

/** The cases of a file. @throws Error with a message fit for the terminal */
export function readTrajectories(path: string): Trajectory[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: ${messageOf(cause)}`, { cause });
  }
  const parsed = trajectoryFile.safeParse(content);
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  for (const c of parsed.data.cases) {
    try {
      checkSizes(c);
      partsOf(c);
    } catch (cause) {
      throw new Error(`${path}: case ${c.id}: ${messageOf(cause)}`, { cause });
    }
  }
  return parsed.data.cases;
}

/** Runs a case and lists what differs from the record. */
export async function replay(c: Trajectory): Promise<CaseReport> {
  const parts = partsOf(c);
  const draws = recordedNoise(c);
  const asked: number[] = [];
  const output = await runSampling(parts, {
    network: standInNetwork(c),
    shape: c.shape,
    noise: Float32Array.from(c.inputs.noise),
    random: draws,
    onEvaluation: ({ sigma }) => void asked.push(sigma),
  });
  const deviation = c.output.reduce((worst, value, i) => larger(worst, Math.abs(value - output[i])), 0);
  const relative = deviation / c.output.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const faults = [
    ...compareSigmas('sigmas', Array.from(parts.sigmas), c.sigmas),
    ...compareSigmas('denoiser_sigmas', asked, c.denoiser_sigmas),
  ];
  if (draws.used() !== c.step_noise.length) {
    faults.push(`${draws.used()} draws instead of ${c.step_noise.length}`);
  }
  if (!(relative <= LATENTS_TOLERANCE)) faults.push(`output is off by ${deviation.toExponential(2)}`);
  return { id: c.id, deviation, relative, faults };
}

function checkSizes(c: Trajectory): void {
  const [frames, channels, height, width] = c.shape;
  const size = frames * channels * height * width;
  const sizes: readonly (readonly [string, number, number])[] = [
    ['inputs.noise', c.inputs.noise.length, size],
    ['inputs.concat', c.inputs.concat.length, size / frames],
    ['output', c.output.length, size],
    ...c.step_noise.map((noise, k) => [`step_noise[${k}]`, noise.length, size] as const),
  ];
  for (const [field, given, expected] of sizes) {
    if (given !== expected) {
      throw new Error(`${field} has ${given} values, its shape needs ${expected}`);
    }
  }
}

function partsOf(c: Trajectory): Parts {
  return {
    sampler: buildSampler(resolved(c.sampler)),
    sigmas: scheduleOf(buildDiscretization(resolved(c.discretization)), c.steps),
    scaling: buildScaling(SCALINGS[c.scaling]),
    guider: guiderOf(c.guider, c.shape[0]),
    plan: c.id,
  };
}

function resolved({ name, ...given }: Component): { name: string; params: Record<string, number> } {
  const params: Record<string, number> = {};
  for (const [field, value] of Object.entries(given)) {
    if (typeof value !== 'number') throw new Error(`${name}: ${field} is ${String(value)}, not a number`);
    params[field] = value;
  }
  return { name, params };
}

/** Waves with several periods exist in the arithmetic but not under wire names. */
function guiderOf(given: Component, frames: number): Guider {
  const { period, period_fusing: fusing, ...rest } = given;
  if (given.name !== 'TrianglePredictionGuider' || (fusing === undefined && !Array.isArray(period))) {
    return buildGuider(resolved(given), frames);
  }
  const { params } = resolved(rest);
  return trianglePredictionGuider(
    {
      maxCfgScale: params.max_cfg_scale,
      minGuidanceScale: params.min_guidance_scale ?? 1,
      ...(typeof period === 'string' || period === undefined ? {} : { period }),
      ...(fusing === 'mean' || fusing === 'multiply' || fusing === 'max' ? { periodFusing: fusing } : {}),
    },
    frames,
  );
}

/** The recorded draws, in order; zeros once they are used up, so that the count shows the fault. */
function recordedNoise(c: Trajectory): NormalSource & { used: () => number } {
  let used = 0;
  return {
    fillNormal: (out) => {
      out.set(c.step_noise[used] ?? new Float32Array(out.length));
      used++;
    },
    used: () => used,
  };
}

const f32 = Math.fround;

/**
 * The network of the recordings: smooth, nonlinear, and sensitive to each of its inputs. Evaluated in float32, term by
 * term from the left: Heun's method divides by sigmas as small as 0.002, so even its last bit shows in the latents.
 */
function standInNetwork({ inputs, shape }: Trajectory): Network {
  const frame = inputs.concat.length;
  const size = frame * shape[0];
  const concat = inputs.concat.map((value) => f32(f32(0.35) * value));
  const vector = f32(f32(0.05) * mean32(inputs.vector));
  const crossattn = f32(f32(0.15) * mean32(inputs.crossattn));
  return {
    evaluate: (x, cNoise, branches) => {
      const n = Math.abs(cNoise) < 50 ? Math.min(4, Math.max(-4, cNoise)) : f32(cNoise / 1000);
      const level = f32(f32(0.1) * n);
      const rows = branches === 'both' ? 2 : 1;
      const out = new Float32Array(rows * size);
      for (let row = 0; row < rows; row++) {
        const conditional = row === rows - 1 ? 1 : 0; // the unconditional row's concat and crossattn are zero
        for (let i = 0; i < size; i++) {
          const wave = f32(f32(f32(0.6) * x[i]) + f32(f32(0.2) * f32(Math.sin(2 * x[i]))));
          const pictured = f32(wave + conditional * concat[i % frame]);
          out[row * size + i] = f32(f32(pictured + vector) - level) + conditional * crossattn;
        }
      }
      return Promise.resolve(out);
    },
  };
}

const mean32 = (values: readonly number[]): number =>
  f32(values.reduce((sum, v) => f32(sum + v), 0) / values.length);

/** As Math.max, but keeps NaN rather than losing it in a comparison. */
const larger = (a: number, b: number): number => (Number.isNaN(b) || b > a ? b : a);

function compareSigmas(field: string, given: readonly number[], recorded: readonly number[]): string[] {
  if (given.length !== recorded.length) return [`${given.length} ${field} instead of ${recorded.length}`];
  const off = recorded.findIndex((sigma, i) => !(Math.abs(given[i] - sigma) <= SIGMA_TOLERANCE * sigma));
  return off < 0 ? [] : [`${field}[${off}] is ${given[off]}, not ${recorded[off]}`];
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Replays the files and prints a line for each case and a summary. Returns the exit status. */
export async function checkTrajectories(
  paths: readonly string[],
  print: (line: string) => void = console.log,
): Promise<0 | 1 | 2> {
  let cases: Trajectory[];
  try {
    if (paths.length === 0) throw new Error('Usage: npm run check:trajectories -- FILE...');
    cases = paths.flatMap(readTrajectories);
  } catch (cause) {
    print(messageOf(cause));
    return 2;
  }
  let passed = 0;
  let worst = 0;
  for (const c of cases) {
    const { id, deviation, relative, faults } = await replay(c).catch((cause: unknown) => failure(c, cause));
    if (faults.length === 0) passed++;
    worst = larger(worst, relative);
    const verdict = faults.length === 0 ? 'ok' : `FAILED: ${faults.join('; ')}`;
    print(`${id}  ${deviation.toExponential(2)}  ${verdict}`);
  }
  print(
    `${passed} of ${cases.length} cases within tolerance; largest deviation ${worst.toExponential(2)} ` +
      `of max(1, largest value), allowed ${LATENTS_TOLERANCE.toExponential(0)}`,
  );
  return passed === cases.length ? 0 : 1;
}

function failure(c: Trajectory, cause: unknown): CaseReport {
  return { id: c.id, deviation: NaN, relative: NaN, faults: [messageOf(cause)] };
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await checkTrajectories(process.argv.slice(2));
}
