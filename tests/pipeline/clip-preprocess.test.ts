import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { blurTaps, clipNormalise, clipResize } from '../../pipeline/clip-preprocess.js';
import { toTensor } from '../../pipeline/picture.js';
import { readTensor } from './safetensors.js';

const data = 'tests/data/pipeline';

function maxAbsDiff(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, x, i) => Math.max(max, Math.abs(x - b[i])), 0);
}

/** [3,H,W] whose channels are multiples of one function of the place. */
const field = (height: number, width: number, f: (y: number, x: number) => number): Float32Array =>
  Float32Array.from({ length: 3 * height * width }, (_, i) => {
    const channel = Math.floor(i / (height * width));
    return (channel + 1) * f(Math.floor(i / width) % height, i % width);
  });

test('a picture smaller than 224×224 is resized as by the reference pipeline', async () => {
  const { data: rgb, info } = await sharp(`${data}/clip-input.png`)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const expected = readTensor(`${data}/clip-resized.safetensors`, 'clip_resized');
  expect(expected.dims).toEqual([1, 3, 224, 224]);
  const resized = clipResize(toTensor(rgb), info.height, info.width);
  expect(maxAbsDiff(resized, expected.data)).toBeLessThan(2e-5);
});

describe('blurTaps', () => {
  // σ and length by (in / 224 − 1) / 2 and max(4σ, 3) made odd
  test.each([
    [224, 0.001, 3],
    [100, 0.001, 3],
    [512, 0.642857, 3],
    [576, 0.785714, 3],
    [1024, 1.785714, 7],
    [1080, 1.910714, 7],
    [1920, 3.785714, 15],
    [2160, 4.321429, 17],
    [3840, 8.071429, 33],
  ])('for %i pixels is a Gaussian of sigma %f over %i taps', (size, sigma, length) => {
    const taps = blurTaps(size);
    expect(taps).toHaveLength(length);
    expect(taps.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    const centre = (length - 1) / 2;
    const ratio = taps[centre + 1] / taps[centre];
    expect(ratio).toBeCloseTo(Math.exp(-1 / (2 * sigma ** 2)), 5);
    expect(taps).toEqual([...taps].reverse());
  });

  test('agrees with the published values', () => {
    const [a, b] = blurTaps(576);
    expect([a, b]).toEqual([expect.closeTo(0.23542, 5), expect.closeTo(0.52916, 5)]);
    const seven = [0.057166, 0.125207, 0.20041, 0.234432];
    expect(blurTaps(1024).slice(0, 4)).toEqual(seven.map((x) => expect.closeTo(x, 5)));
  });
});

describe('clipResize', () => {
  test('is the plain definition: blur x, blur y, bicubic, with their borders', () => {
    const [height, width] = [300, 500];
    const image = field(
      height,
      width,
      (y, x) => Math.sin(0.37 * x) * Math.cos(0.21 * y) + ((x * 7 + y * 3) % 11) / 11,
    );
    expect(maxAbsDiff(clipResize(image, height, width), plainResize(image, height, width))).toBeLessThan(
      1e-5,
    );
  });

  test('leaves a picture of 224×224 as it is', () => {
    const image = field(224, 224, (y, x) => ((x * 5 + y * 3) % 17) / 17);
    expect(maxAbsDiff(clipResize(image, 224, 224), image)).toBe(0);
  });

  test('keeps flat colours, the corners, and the order of the axes', () => {
    const flat = clipResize(
      field(400, 30, () => 0.25),
      400,
      30,
    );
    expect(Math.abs(Math.max(...flat.subarray(0, 50176)) - 0.25)).toBeLessThan(1e-6);
    const ramp = clipResize(
      field(100, 160, (y, x) => x / 159 - y / 990),
      100,
      160,
    );
    expect(ramp[0]).toBeCloseTo(0, 6);
    expect(ramp[223]).toBeCloseTo(1, 6);
    expect(ramp[223 * 224]).toBeCloseTo(-0.1, 6);
    expect(ramp[2 * 50176 + 223]).toBeCloseTo(3, 5);
  });

  test('overshoots at an edge, unclipped', () => {
    const step = clipResize(
      field(100, 100, (_, x) => (x < 50 ? -1 : 1)),
      100,
      100,
    );
    expect(Math.max(...step.subarray(0, 224))).toBeGreaterThan(1.05);
  });

  test('takes a picture of one pixel, and refuses a shape that does not fit', () => {
    expect(clipResize(Float32Array.of(0.1, 0.2, 0.3), 1, 1)[3 * 50176 - 1]).toBeCloseTo(0.3, 6);
    expect(() => clipResize(new Float32Array(12), 3, 2)).toThrow('[3,3,2], got 12');
  });
});

test('clipNormalise maps the mean to 0 and a standard deviation to 1 in each channel', () => {
  const mean = [0.48145466, 0.4578275, 0.40821073];
  const std = [0.26862954, 0.26130258, 0.27577711];
  const image = Float32Array.from(mean.flatMap((m, c) => [2 * m - 1, 2 * (m + std[c]) - 1]));
  const expected = [0, 1, 0, 1, 0, 1].map((x) => expect.closeTo(x, 5));
  expect([...clipNormalise(image)]).toEqual(expected);
});

/** Step by step, on whole pictures. */
function plainResize(image: Float32Array, height: number, width: number): Float32Array {
  const at = (p: Float32Array, c: number, y: number, x: number) => p[(c * height + y) * width + x];
  const mirror = (i: number, n: number) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i);
  const clamp = (i: number, n: number) => Math.min(Math.max(i, 0), n - 1);
  const gauss = (n: number) => {
    const sigma = Math.max((n / 224 - 1) / 2, 0.001);
    let k = Math.floor(Math.max(4 * sigma, 3));
    if (k % 2 === 0) k++;
    const g = Array.from({ length: k }, (_, i) =>
      Math.exp(-((i - Math.floor(k / 2)) ** 2) / (2 * sigma * sigma)),
    );
    return g.map((v) => v / g.reduce((a, b) => a + b));
  };
  const map = (f: (c: number, y: number, x: number) => number) =>
    Float32Array.from({ length: 3 * height * width }, (_, i) =>
      f(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width),
    );
  const [gx, gy] = [gauss(width), gauss(height)];
  const sum = (g: number[], f: (offset: number) => number) =>
    g.reduce((total, w, i) => total + w * f(i - (g.length - 1) / 2), 0);
  const blurredX = map((c, y, x) => sum(gx, (d) => at(image, c, y, mirror(x + d, width))));
  const blurred = map((c, y, x) => sum(gy, (d) => at(blurredX, c, mirror(y + d, height), x)));
  const weights = (t: number) => {
    const a = -0.75;
    const near = (x: number) => (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
    const far = (x: number) => a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a;
    return [far(t + 1), near(t), near(1 - t), far(2 - t)];
  };
  return Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => {
    const c = Math.floor(i / 50176);
    const sy = ((Math.floor(i / 224) % 224) * (height - 1)) / 223;
    const sx = ((i % 224) * (width - 1)) / 223;
    const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
    const wx = weights(sx - x0);
    return weights(sy - y0).reduce(
      (total, w, dy) =>
        total +
        w *
          wx.reduce(
            (t, v, dx) => t + v * at(blurred, c, clamp(y0 + dy - 1, height), clamp(x0 + dx - 1, width)),
            0,
          ),
      0,
    );
  });
}
