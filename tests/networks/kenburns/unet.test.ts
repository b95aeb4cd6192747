import { beforeAll, describe, expect, test } from '@jest/globals';
import { LATENT_SCALE } from '../../../networks/kenburns/settings.js';
import type { Planes, Size } from './closed-form.js';
import { denoise, latentClips, moves, posterior, toLatent } from './closed-form.js';
import { maxAbsDiff, normals, openDenoiser, photograph } from './model.js';

let graph: Awaited<ReturnType<typeof openDenoiser>>;
beforeAll(async () => {
  graph = await openDenoiser();
});

const noisePicture = ({ width, height }: Size, seed: number): Planes =>
  normals(3 * width * height, seed).map((v) => Math.tanh(v));

/** Float32 sums over some ten thousand values; the largest latents are about LATENT_SCALE. */
const TOLERANCE = 2e-6 * LATENT_SCALE * 10;

describe('the graph is the closed form', () => {
  const cases: [string, Size, number, number][] = [
    ['landscape', { width: 40, height: 24 }, 5, 127],
    ['portrait, strongest motion', { width: 16, height: 48 }, 3, 512],
    ['beyond the strongest motion', { width: 24, height: 16 }, 4, 1000],
    ['square, faint motion', { width: 32, height: 32 }, 7, 5],
    ['one frame', { width: 24, height: 16 }, 1, 60],
    ['no motion', { width: 24, height: 40 }, 2, 0],
  ];
  test.each(cases)('%s, at every kind of sigma', async (_, size, frames, bucket) => {
    const picture = noisePicture(size, 1);
    const clips = latentClips(picture, size, frames, bucket, LATENT_SCALE);
    for (const sigma of [700, 14.6, 3, 1, 0.1, 0.002]) {
      const noise = normals(clips[0].length, 2);
      const x = clips[4].map((m, i) => m + sigma * noise[i]);
      const expected = denoise(x, clips, sigma);
      const given = await graph(x, sigma, { size, frames, pictures: [picture], buckets: [bucket] });
      // c_skip·x and c_out·v cancel at large sigma: float32 of x/σ² and of v are what is left.
      expect(maxAbsDiff(given, expected)).toBeLessThan(TOLERANCE);
    }
  });

  test('the cases above hold mixtures, not only certainties', () => {
    const size = { width: 40, height: 24 };
    const clips = latentClips(noisePicture(size, 1), size, 5, 127, LATENT_SCALE);
    const noise = normals(clips[0].length, 2);
    const largest = [3, 1].map((sigma) => {
      const x = clips[4].map((m, i) => m + sigma * noise[i]);
      return Math.max(...posterior(x, clips, sigma));
    });
    expect(largest[0]).toBeGreaterThan(0.15);
    expect(largest[0]).toBeLessThan(0.95);
    expect(largest[1]).toBeGreaterThan(largest[0]);
  });

  test('two rows of a batch have their own picture, motion and noise', async () => {
    const size = { width: 24, height: 16 };
    const [frames, sigma] = [3, 0.4];
    const pictures = [noisePicture(size, 3), noisePicture(size, 4)];
    const buckets = [127, 400];
    const rows = pictures.map((picture, b) => {
      const clips = latentClips(picture, size, frames, buckets[b], LATENT_SCALE);
      const noise = normals(clips[0].length, 5 + b);
      const x = clips[7 - b].map((m, i) => m + sigma * noise[i]);
      return { x, expected: denoise(x, clips, sigma) };
    });
    const both = (key: 'x' | 'expected') => Float64Array.from([...rows[0][key], ...rows[1][key]]);
    const given = await graph(both('x'), sigma, { size, frames, pictures, buckets });
    expect(maxAbsDiff(given, both('expected'))).toBeLessThan(TOLERANCE);
  });
});

describe('at the end of sampling', () => {
  const size = { width: 48, height: 32 };
  const frames = 5;

  test('each move comes back as itself', async () => {
    const picture = await photograph(size);
    const clip = { size, frames, pictures: [picture], buckets: [127] };
    for (const move of latentClips(picture, size, frames, 127, LATENT_SCALE)) {
      expect(maxAbsDiff(await graph(move, 0.002, clip), move)).toBeLessThan(TOLERANCE);
    }
  });

  test('without motion every frame is the picture, pixel by pixel', async () => {
    const picture = await photograph(size);
    const still = toLatent(picture, size).map((v) => v * LATENT_SCALE);
    const expected = Float64Array.from(Array.from({ length: frames }, () => [...still]).flat());
    const x = expected.map((v, i) => v + 0.01 * Math.sin(i));
    const given = await graph(x, 0.01, { size, frames, pictures: [picture], buckets: [0] });
    expect(maxAbsDiff(given, expected)).toBeLessThan(TOLERANCE);
  });

  test('a picture of one colour stays exactly so', async () => {
    const picture = new Float64Array(3 * size.width * size.height).fill(0.7);
    const x = normals(frames * picture.length, 6);
    const given = await graph(x, 0.05, { size, frames, pictures: [picture], buckets: [512] });
    expect(
      maxAbsDiff(
        given,
        given.map(() => 0.7 * LATENT_SCALE),
      ),
    ).toBeLessThan(TOLERANCE);
  });
});

describe('the closed form keeps the promises of the moves', () => {
  const buckets = [0, 1, 30, 127, 255, 512, 5000, -3];

  test('no window ever leaves the picture or is larger than it', () => {
    for (const bucket of buckets)
      for (const { left, top, extent } of moves(25, bucket).flat()) {
        for (const edge of [left, top, left + extent, top + extent]) {
          expect(edge).toBeGreaterThanOrEqual(-1e-12);
          expect(edge).toBeLessThanOrEqual(1 + 1e-12);
        }
        expect(extent).toBeGreaterThan(0.66);
      }
  });

  test('pairs are mirror images in time, and there are ten different moves', () => {
    const all = moves(25, 127);
    for (let k = 0; k < all.length; k += 2) expect([...all[k]].reverse()).toEqual(all[k + 1]);
    expect(new Set(all.map((move) => JSON.stringify(move))).size).toBe(10);
  });

  test('motion grows with the bucket: a zoom of 1, 1.18 and 1.5 at 0, 127 and 512, and no more', () => {
    const zooms = buckets.map(
      (bucket) =>
        1 /
        Math.min(
          ...moves(25, bucket)
            .flat()
            .map(({ extent }) => extent),
        ),
    );
    const expected = [1, 1.0016, 1.0463, 1.1759, 1.3102, 1.4989, 1.4989, 1];
    zooms.forEach((zoom, i) => expect(zoom).toBeCloseTo(expected[i], 3));
  });

  test('steps swell and fade smoothly: no step is more than a quarter longer or shorter than the one before', () => {
    for (const move of moves(25, 127)) {
      const steps = move.slice(1).map((w, i) => {
        const before = move[i];
        return Math.hypot(w.left - before.left, w.top - before.top, Math.log(w.extent / before.extent));
      });
      for (let i = 1; i < steps.length; i++)
        expect(Math.abs(Math.log(steps[i] / steps[i - 1]))).toBeLessThan(Math.log(1.25));
      expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(4.5);
    }
  });
});
