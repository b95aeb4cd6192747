import sharp from 'sharp';
import { fileURLToPath } from 'node:url';
import type { InferenceSession } from 'onnxruntime-node';
import { denoiserGraph } from '../../../networks/kenburns/unet.js';
import { f32, open } from '../session.js';
import type { Planes, Size } from './closed-form.js';
import { toLatent } from './closed-form.js';

export interface Clip {
  readonly size: Size;
  readonly frames: number;
  /** One picture and one motion bucket for each row of the batch. */
  readonly pictures: readonly Planes[];
  readonly buckets: readonly number[];
}

/** D(x; σ) through the graph, scaled as VScalingWithEDMcNoise does: x [B·F·12·h·w] → the same. */
export async function openDenoiser() {
  const session = await open(denoiserGraph());
  return (x: Float64Array, sigma: number, clip: Clip) => runDenoiser(session, x, sigma, clip);
}

async function runDenoiser(session: InferenceSession, x: Float64Array, sigma: number, clip: Clip) {
  const { size, frames, pictures, buckets } = clip;
  const n = 3 * size.width * size.height;
  const sample = new Float32Array(2 * x.length);
  const cIn = 1 / Math.sqrt(sigma * sigma + 1);
  for (const [b, picture] of pictures.entries()) {
    const latent = toLatent(picture, size);
    for (let f = 0; f < frames; f++) {
      const row = b * frames + f;
      for (let i = 0; i < n; i++) sample[2 * row * n + i] = x[row * n + i] * cIn;
      sample.set(latent, (2 * row + 1) * n);
    }
  }
  const B = pictures.length;
  const { out_sample } = await session.run({
    sample: f32([B, frames, 24, size.height / 2, size.width / 2], sample),
    timestep: f32([1], [Math.log(sigma) / 4]),
    encoder_hidden_states: f32([B, 1, 3], new Float32Array(3 * B)),
    added_time_ids: f32(
      [B, 3],
      buckets.flatMap((bucket) => [6, bucket, 0]),
    ),
  });
  expectDims(out_sample.dims, [B, frames, 12, size.height / 2, size.width / 2]);
  const v = out_sample.data as Float32Array;
  const [cSkip, cOut] = [1 / (sigma * sigma + 1), -sigma / Math.sqrt(sigma * sigma + 1)];
  return x.map((value, i) => cSkip * value + cOut * v[i]);
}

function expectDims(given: readonly number[], expected: readonly number[]) {
  if (given.join() !== expected.join())
    throw new Error(`Expected [${expected.join()}], got [${given.join()}]`);
}

/** Standard normal numbers from a seed (mulberry32, Box-Muller). */
export function normals(count: number, seed: number): Float64Array {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float64Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** The test photograph (a rocket at dusk, public domain) as [3, height, width] in [−1, 1]. */
export async function photograph({ width, height }: Size): Promise<Planes> {
  const file = fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url));
  const pixels = await sharp(file)
    .resize(width, height, { kernel: 'lanczos3' })
    .removeAlpha()
    .raw()
    .toBuffer();
  const n = width * height;
  return Float64Array.from({ length: 3 * n }, (_, i) => pixels[(i % n) * 3 + Math.floor(i / n)] / 127.5 - 1);
}

export const maxAbsDiff = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) throw new Error(`Expected equal lengths, got ${a.length} and ${b.length}`);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  return worst;
};
