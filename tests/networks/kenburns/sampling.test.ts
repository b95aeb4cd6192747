import { beforeAll, describe, expect, test } from '@jest/globals';
import { describeKenburns } from '../../../networks/kenburns/description.js';
import { LATENT_SCALE } from '../../../networks/kenburns/settings.js';
import { fromLatent, latentClips, moves, posterior, view } from './closed-form.js';
import { maxAbsDiff, normals, openDenoiser, photograph } from './model.js';

const { recipe } = describeKenburns('test');
const size = { width: 96, height: 56 };
const frames = 5;

function edmSigmas(steps: number, max: number, min: number, rho: number): number[] {
  const [a, b] = [max ** (1 / rho), min ** (1 / rho)];
  return Array.from({ length: steps }, (_, k) => (a + (k / (steps - 1)) * (b - a)) ** rho).concat(0);
}

let graph: Awaited<ReturnType<typeof openDenoiser>>;
let clips: Float64Array[];
let sample: (seed: number, sigmas: readonly number[]) => Promise<{ x: Float64Array; certainty: number }>;
beforeAll(async () => {
  graph = await openDenoiser();
  const picture = await photograph(size);
  clips = latentClips(picture, size, frames, recipe.motion_bucket_id, LATENT_SCALE);
  const clip = { size, frames, pictures: [picture], buckets: [recipe.motion_bucket_id] };
  sample = async (seed, sigmas) => {
    let x = normals(clips[0].length, seed).map((v) => v * Math.sqrt(1 + sigmas[0] ** 2));
    let certainty = 0;
    for (let i = 0; i < sigmas.length - 1; i++) {
      if (sigmas[i + 1] === 0) certainty = Math.max(...posterior(x, clips, sigmas[i]));
      const denoised = await graph(x, sigmas[i], clip);
      const share = sigmas[i + 1] / sigmas[i];
      x = denoised.map((d, j) => d + share * (x[j] - d));
    }
    return { x, certainty };
  };
});

/** Which move a finished clip is; throws when it is none of them. */
function moveOf(x: Float64Array): number {
  const move = clips.findIndex((clip) => maxAbsDiff(clip, x) < 2e-5 * LATENT_SCALE);
  if (move < 0) throw new Error('Expected the sampled clip to be one of the moves');
  return move;
}

describe('sampling with Euler steps', () => {
  const { sigma_min, sigma_max, rho } = recipe.discretization;
  const schedules: [string, number[]][] = [
    ['the recipe’s schedule', edmSigmas(recipe.steps, sigma_max, sigma_min, rho)],
    ['6 steps from 80', edmSigmas(6, 80, 0.002, 7)],
    ['6 steps from 14.6', edmSigmas(6, 14.6146, 0.0292, 3)],
  ];
  test.each(schedules)('%s: ends in one single move, and the seed says which', async (_, sigmas) => {
    const found = new Set<number>();
    for (let seed = 1; seed <= 12; seed++) {
      const { x, certainty } = await sample(seed, sigmas);
      expect(certainty).toBeGreaterThan(1 - 1e-6);
      found.add(moveOf(x));
    }
    expect(found.size).toBeGreaterThanOrEqual(5);
  });

  test('one seed always gives the same clip', async () => {
    const sigmas = edmSigmas(recipe.steps, sigma_max, sigma_min, rho);
    expect((await sample(3, sigmas)).x).toEqual((await sample(3, sigmas)).x);
  });
});

describe('frames', () => {
  const gradientEnergy = (plane: Float64Array): number => {
    let sum = 0;
    for (let c = 0; c < 3; c++)
      for (let y = 1; y < size.height; y++)
        for (let x = 1; x < size.width; x++) {
          const i = (c * size.height + y) * size.width + x;
          sum += (plane[i] - plane[i - 1]) ** 2 + (plane[i] - plane[i - size.width]) ** 2;
        }
    return sum;
  };

  test('are all equally crisp: as much detail as the ideal enlargement of the same window, within 4 % over a clip', async () => {
    const picture = await photograph(size);
    const clip = { size, frames, pictures: [picture], buckets: [127] };
    for (const [k, windows] of moves(frames, 127).entries()) {
      const latents = (await graph(clips[k], 0.002, clip)).map((v) => v / LATENT_SCALE);
      const crispness = windows.map((window, f) => {
        const frame = fromLatent(latents.subarray(f * picture.length, (f + 1) * picture.length), size);
        return gradientEnergy(frame) / gradientEnergy(view(picture, size, window, 10));
      });
      expect(Math.min(...crispness)).toBeGreaterThan(0.85);
      expect(Math.max(...crispness) / Math.min(...crispness)).toBeLessThan(1.04);
    }
  });
});
