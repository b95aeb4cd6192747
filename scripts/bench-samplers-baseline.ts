/**
 * The samplers written one array operation at a time, each making a new array, as a direct transcription of tensor
 * code would be. Only the benchmark uses it, as the baseline; the answers are equal bit for bit.
 */
import {
  adamsBashforth,
  ancestralStep,
  buildGuider,
  buildScaling,
  gammaAt,
  type Sampling,
} from '../samplers/index.js';

type Latents = Float32Array;

function add(a: Latents, b: Latents): Latents {
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
  return out;
}

function subtract(a: Latents, b: Latents): Latents {
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] - b[i];
  return out;
}

function times(a: Latents, factor: number): Latents {
  const c = Math.fround(factor);
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] * c;
  return out;
}

function over(a: Latents, divisor: number): Latents {
  const c = Math.fround(divisor);
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] / c;
  return out;
}

function timesScales(a: Latents, scales: Float32Array): Latents {
  const frame = a.length / scales.length;
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] * scales[Math.floor(i / frame)];
  return out;
}

const f32 = Math.fround;
const log = (value: number): number => f32(Math.log(value));
const exp = (value: number): number => f32(Math.exp(value));
const expm1 = (value: number): number => f32(Math.expm1(value));

interface Problem {
  readonly sigmas: Float32Array;
  readonly params: Readonly<Record<string, number>>;
  readonly denoise: (x: Latents, sigma: number) => Promise<Latents>;
  readonly noise: Latents;
}

type Step = (p: Problem, x: Latents, i: number, past: Latents[]) => Promise<Latents>;

/** A whole run over a network that always answers `raw`, with draws that are always `noise`. */
export async function plainSampler(sampling: Sampling, raw: Latents, noise: Latents): Promise<Latents> {
  const { sigmas, sampler, guider, frames, scaling } = sampling;
  const scales = buildGuider(guider, frames).scales;
  const coefficients = buildScaling(scaling);
  const size = noise.length;
  if (scales === null) throw new Error('The baseline is written for guided runs');
  const denoise = async (x: Latents, sigma: number): Promise<Latents> => {
    const { cIn, cOut, cSkip } = coefficients(sigma);
    await Promise.resolve(times(x, cIn));
    const [u, c] = [raw.slice(0, size), raw.slice(size)].map((row) => add(times(row, cOut), times(x, cSkip)));
    return add(u, timesScales(subtract(c, u), scales));
  };
  const problem: Problem = { sigmas, params: sampler.params, denoise, noise };
  const past: Latents[] = [];
  let x = times(noise, Math.sqrt(f32(1 + f32(sigmas[0] ** 2))));
  for (let i = 0; i < sigmas.length - 1; i++) x = await STEP[sampler.name](problem, x, i, past);
  return x;
}

const slope = (x: Latents, denoised: Latents, sigma: number): Latents => over(subtract(x, denoised), sigma);
const euler = (x: Latents, d: Latents, dt: number): Latents => add(x, times(d, dt));

function churn({ sigmas, params, noise }: Problem, x: Latents, i: number): { x: Latents; sigmaHat: number } {
  const { s_churn: sChurn, s_tmin: sTmin, s_tmax: sTmax, s_noise: sNoise } = params;
  const gamma = gammaAt(sigmas, i, { sChurn, sTmin, sTmax, sNoise });
  const sigmaHat = f32(sigmas[i] * f32(gamma + 1));
  if (gamma === 0) return { x, sigmaHat };
  const spread = Math.sqrt(f32(f32(sigmaHat ** 2) - f32(sigmas[i] ** 2)));
  return { x: add(x, times(times(noise, sNoise), spread)), sigmaHat };
}

function renoise({ sigmas, params, noise }: Problem, x: Latents, i: number, up: number): Latents {
  return sigmas[i + 1] > 0 ? add(x, times(times(noise, params.s_noise), up)) : x;
}

const STEP: Readonly<Record<string, Step>> = {
  EulerEDMSampler: async (p, start, i) => {
    const { x, sigmaHat } = churn(p, start, i);
    const d = slope(x, await p.denoise(x, sigmaHat), sigmaHat);
    return euler(x, d, p.sigmas[i + 1] - sigmaHat);
  },
  HeunEDMSampler: async (p, start, i) => {
    const next = p.sigmas[i + 1];
    const { x, sigmaHat } = churn(p, start, i);
    const d = slope(x, await p.denoise(x, sigmaHat), sigmaHat);
    const x2 = euler(x, d, next - sigmaHat);
    if (next === 0) return x2;
    const d2 = slope(x2, await p.denoise(x2, next), next);
    return add(x, times(over(add(d, d2), 2), next - sigmaHat));
  },
  EulerAncestralSampler: async (p, x, i) => {
    const { down, up } = ancestralStep(p.sigmas[i], p.sigmas[i + 1], p.params.eta);
    const d = slope(x, await p.denoise(x, p.sigmas[i]), p.sigmas[i]);
    return renoise(p, euler(x, d, down - p.sigmas[i]), i, up);
  },
  DPMPP2SAncestralSampler: async (p, x, i) => {
    const sigma = p.sigmas[i];
    const { down, up } = ancestralStep(sigma, p.sigmas[i + 1], p.params.eta);
    const denoised = await p.denoise(x, sigma);
    if (down === 0) return renoise(p, euler(x, slope(x, denoised, sigma), down - sigma), i, up);
    const [t, tNext] = [-log(sigma), -log(down)];
    const h = f32(tNext - t);
    const mid = exp(-f32(t + f32(0.5 * h)));
    const x2 = subtract(times(x, mid / exp(-t)), times(denoised, expm1(f32(-0.5 * h))));
    const denoised2 = await p.denoise(x2, mid);
    return renoise(p, subtract(times(x, exp(-tNext) / exp(-t)), times(denoised2, expm1(-h))), i, up);
  },
  DPMPP2MSampler: async (p, x, i, past) => {
    const [t, tNext] = [-log(p.sigmas[i]), -log(p.sigmas[i + 1])];
    const h = f32(tNext - t);
    const denoised = await p.denoise(x, p.sigmas[i]);
    const previous = past[0];
    past[0] = denoised;
    const [a, b] = [exp(-tNext) / exp(-t), expm1(-h)];
    if (previous === undefined || p.sigmas[i + 1] === 0) return subtract(times(x, a), times(denoised, b));
    const before = f32(1 / f32(2 * f32(f32(t + log(p.sigmas[i - 1])) / h)));
    const extrapolated = subtract(times(denoised, 1 + before), times(previous, before));
    return subtract(times(x, a), times(extrapolated, b));
  },
  LinearMultistepSampler: async (p, x, i, past) => {
    past.unshift(slope(x, await p.denoise(x, p.sigmas[i]), p.sigmas[i]));
    past.length = Math.min(past.length, p.params.order);
    const weights = adamsBashforth(p.sigmas, i, past.length);
    const terms = past.map((d, j) => times(d, weights[j]));
    return add(x, terms.reduce(add));
  },
};
