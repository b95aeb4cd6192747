import { PipelineError } from './errors.js';

/** Side of the CLIP vision tower's input. */
export const CLIP_SIZE = 224;

const MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const STD = [0.26862954, 0.26130258, 0.27577711] as const;
/** Keys' cubic kernel with the a of OpenCV and PyTorch. */
const CUBIC_A = -0.75;

/**
 * Antialiased resize to 224×224 as Stable Video Diffusion was trained with (diffusers' `_resize_with_antialiasing`,
 * after kornia's `resize`): Gaussian blur, then bicubic with aligned corners. Proportions are not kept and overshoot is
 * not clipped. `image` [3,H,W] in [−1,1] → [3,224,224].
 */
export function clipResize(image: Float32Array, height: number, width: number): Float32Array {
  if (!(height >= 1 && width >= 1 && image.length === 3 * height * width)) {
    throw new PipelineError(
      'internal_error',
      `Expected a picture [3,${height},${width}], got ${image.length} values.`,
    );
  }
  const narrow = resampleAxis(image, 3 * height, width, 1);
  return resampleAxis(narrow, 3, height, CLIP_SIZE);
}

/** CLIP's normalisation: [3,n,n] in [−1,1] → ((x+1)/2 − mean) / std for each channel. */
export function clipNormalise(image: Float32Array): Float32Array {
  const plane = image.length / 3;
  return image.map((x, i) => {
    const channel = Math.floor(i / plane);
    return ((x + 1) / 2 - MEAN[channel]) / STD[channel];
  });
}

/** [outer,size,inner] → [outer,224,inner]. */
function resampleAxis(data: Float32Array, outer: number, size: number, inner: number): Float32Array {
  const rows = axisRows(size);
  const out = new Float32Array(outer * CLIP_SIZE * inner);
  const sum = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    for (let place = 0; place < CLIP_SIZE; place++) {
      sum.fill(0);
      for (const [source, weight] of rows[place]) {
        const from = (o * size + source) * inner;
        for (let i = 0; i < inner; i++) sum[i] += weight * data[from + i];
      }
      out.set(sum, (o * CLIP_SIZE + place) * inner);
    }
  }
  return out;
}

type Row = readonly (readonly [source: number, weight: number])[];

/**
 * One axis of the resize as a sparse matrix. Blur and bicubic are linear and separable, so each output value is one
 * weighted sum: the four cubic taps (indices clamped at the border), each spread by the blur (reflected at the border).
 */
function axisRows(size: number): readonly Row[] {
  const blur = blurTaps(size);
  const radius = (blur.length - 1) / 2;
  return Array.from({ length: CLIP_SIZE }, (_, place) => {
    const position = (place * (size - 1)) / (CLIP_SIZE - 1);
    const base = Math.floor(position);
    const row = new Map<number, number>();
    for (let tap = base - 1; tap <= base + 2; tap++) {
      const centre = Math.min(Math.max(tap, 0), size - 1);
      const weight = cubic(Math.abs(position - tap));
      blur.forEach((share, i) => {
        const source = reflect(centre + i - radius, size);
        row.set(source, (row.get(source) ?? 0) + weight * share);
      });
    }
    return [...row].filter(([, weight]) => weight !== 0);
  });
}

/** Gaussian that keeps an axis of `size` from aliasing at 224; the identity where the axis grows. Odd length, sum 1. */
export function blurTaps(size: number): readonly number[] {
  const sigma = Math.max((size / CLIP_SIZE - 1) / 2, 0.001);
  const length = Math.floor(Math.max(4 * sigma, 3)) | 1;
  const centre = (length - 1) / 2;
  const taps = Array.from({ length }, (_, i) => Math.exp(-((i - centre) ** 2) / (2 * sigma ** 2)));
  const sum = taps.reduce((a, b) => a + b);
  return taps.map((tap) => tap / sum);
}

/** Keys (1981), at a distance below 2. */
function cubic(distance: number): number {
  const x = distance;
  if (x <= 1) return ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1;
  return CUBIC_A * (((x - 5) * x + 8) * x - 4);
}

/** Mirrors an index at the border pixels, which are not repeated: −1 → 1, size → size − 2. */
function reflect(index: number, size: number): number {
  const period = Math.max(1, 2 * (size - 1));
  const i = Math.abs(index) % period;
  return i < size ? i : period - i;
}
