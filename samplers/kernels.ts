/**
 * The loops over latents. Arrays have equal lengths; every arithmetic operation is rounded to float32 like the
 * element-wise operation of the reference it stands for. `...Into` functions overwrite their first argument, which
 * may also be one of the inputs.
 */
import type { Coefficients } from './denoisers/scalings.js';
import { f32 } from './float32.js';

/** out = factor * x */
export function scaleInto(out: Float32Array, x: Float32Array, factor: number): void {
  const c = f32(factor);
  for (let i = 0; i < out.length; i++) out[i] = x[i] * c;
}

/**
 * out = cOut * raw + cSkip * x, the denoised latents.
 * @returns whether all of them are finite
 */
export function denoiseInto(out: Float32Array, raw: Float32Array, x: Float32Array, c: Coefficients): boolean {
  const { cOut, cSkip } = c;
  let check = 0; // stays 0 until something is NaN or infinite: then it is NaN for good
  for (let i = 0; i < out.length; i++) {
    const denoised = f32(f32(raw[i] * cOut) + f32(x[i] * cSkip));
    out[i] = denoised;
    check += denoised - denoised;
  }
  return check === 0;
}

/**
 * As `denoiseInto` for raw [2,F,...] with the unconditional row first: u + scale * (c - u), one scale for each frame.
 * @returns whether all denoised latents are finite
 */
export function denoiseGuidedInto(
  out: Float32Array,
  raw: Float32Array,
  x: Float32Array,
  c: Coefficients,
  scales: Float32Array,
): boolean {
  const { cOut, cSkip } = c;
  const total = out.length;
  const frame = total / scales.length;
  let check = 0;
  for (let f = 0; f < scales.length; f++) {
    const scale = scales[f];
    for (let i = f * frame; i < (f + 1) * frame; i++) {
      const skip = f32(x[i] * cSkip);
      const uncond = f32(f32(raw[i] * cOut) + skip);
      const cond = f32(f32(raw[total + i] * cOut) + skip);
      const denoised = f32(uncond + f32(scale * f32(cond - uncond)));
      out[i] = denoised;
      check += denoised - denoised;
    }
  }
  return check === 0;
}

/** d = (x - denoised) / sigma, the slope of the probability flow: k-diffusion's to_d. */
export function slopeInto(d: Float32Array, x: Float32Array, denoised: Float32Array, sigma: number): void {
  for (let i = 0; i < d.length; i++) d[i] = f32(x[i] - denoised[i]) / sigma;
}

/** out = x + dt * d with the slope d at (x, sigma): one Euler step. */
export function eulerInto(
  out: Float32Array,
  x: Float32Array,
  denoised: Float32Array,
  sigma: number,
  dt: number,
): void {
  for (let i = 0; i < out.length; i++) {
    const d = f32(f32(x[i] - denoised[i]) / sigma);
    out[i] = x[i] + f32(dt * d);
  }
}

/** x = x + dt * (d + d2) / 2 with the slope d2 at (x2, sigma2): Heun's correction. */
export function heunInto(
  x: Float32Array,
  d: Float32Array,
  x2: Float32Array,
  denoised2: Float32Array,
  sigma2: number,
  dt: number,
): void {
  for (let i = 0; i < x.length; i++) {
    const d2 = f32(f32(x2[i] - denoised2[i]) / sigma2);
    const mean = f32(f32(d[i] + d2) / 2);
    x[i] = x[i] + f32(mean * dt);
  }
}

/** out = a * x - b * denoised: the exponential step of the DPM-Solver++ family. */
export function exponentialInto(
  out: Float32Array,
  x: Float32Array,
  denoised: Float32Array,
  a: number,
  b: number,
): void {
  for (let i = 0; i < out.length; i++) out[i] = f32(a * x[i]) - f32(b * denoised[i]);
}

/** x = a * x - b * (now * denoised - before * previous): the same step with two denoised latents extrapolated. */
export function exponentialMultistepInto(
  x: Float32Array,
  denoised: Float32Array,
  previous: Float32Array,
  weights: { readonly a: number; readonly b: number; readonly now: number; readonly before: number },
): void {
  const { a, b, now, before } = weights;
  for (let i = 0; i < x.length; i++) {
    const extrapolated = f32(f32(now * denoised[i]) - f32(before * previous[i]));
    x[i] = f32(a * x[i]) - f32(b * extrapolated);
  }
}

/** x = x + (noise * first) * second: the two factors are applied one after the other, as the reference rounds them. */
export function addNoiseInto(x: Float32Array, noise: Float32Array, first: number, second: number): void {
  const a = f32(first);
  const b = f32(second);
  for (let i = 0; i < x.length; i++) x[i] = x[i] + f32(f32(noise[i] * a) * b);
}

const BLOCK = 2048;
/** Shared by all runs: it is filled and used up between two awaits. */
const blockSum = new Float32Array(BLOCK);

/** x = x + sum of coefficients[j] * terms[j], summed in order. Works block by block so that the sum stays in cache. */
export function addCombinationInto(
  x: Float32Array,
  coefficients: readonly number[],
  terms: readonly Float32Array[],
): void {
  const sum = blockSum;
  for (let from = 0; from < x.length; from += BLOCK) {
    const count = Math.min(BLOCK, x.length - from);
    const first = terms[0];
    const c0 = f32(coefficients[0]);
    for (let i = 0; i < count; i++) sum[i] = c0 * first[from + i];
    for (let j = 1; j < terms.length; j++) {
      const term = terms[j];
      const c = f32(coefficients[j]);
      for (let i = 0; i < count; i++) sum[i] = sum[i] + f32(c * term[from + i]);
    }
    for (let i = 0; i < count; i++) x[from + i] = x[from + i] + sum[i];
  }
}

/** Whether all values are finite. */
export function allFinite(x: Float32Array): boolean {
  let check = 0;
  for (let i = 0; i < x.length; i++) check += x[i] - x[i];
  return check === 0;
}
