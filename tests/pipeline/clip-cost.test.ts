import { expect, test } from '@jest/globals';
import { clipCost } from '../../pipeline/clip-cost.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import { planEvaluations, shareOfClip } from '../../pipeline/evaluation-plan.js';
import { cachedSvdXt, manifest } from './manifests.js';

const cost = (fields: Record<string, string | number>, model = cachedSvdXt()): number =>
  clipCost(resolveClip({ W: 64, H: 64, T: 2, steps: 9, ...fields }, model).params, model);
const PIXELS = 64 * 64 * 2;

test('a clip costs its pixels times its evaluations, and half without guidance where the model can be guided', () => {
  expect(cost({})).toBe(PIXELS * 9);
  expect(cost({ num_cols: 3 })).toBe(3 * PIXELS * 9);
  expect(cost({ guider: 'IdentityGuider' })).toBe((PIXELS * 9) / 2);
  expect(cost({ sampler: 'HeunEDMSampler' })).toBe(PIXELS * 17);
  expect(cost({}, manifest())).toBe(PIXELS * 9); // cannot be guided
});

test('guidance at some levels only costs its second row there only', () => {
  // Two levels, 700 and 0.002.
  expect(cost({ steps: 2, guidance_sigma_max: 100 })).toBe(PIXELS * 1.5);
});

test('a shallow evaluation costs its part of a whole one', () => {
  const whole = cost({});
  const share = (fields: Record<string, string | number>) => cost({ deepcache_interval: 3, ...fields });
  expect(share({}) / whole).toBeCloseTo((3 + 6 * 0.085) / 9, 10);
  expect(share({ deepcache_branch: 3 }) / whole).toBeCloseTo((3 + 6 * 0.5) / 9, 10);
  expect(share({ sampler: 'HeunEDMSampler' }) / whole).toBeCloseTo((6 + 11 * 0.085) / 9, 10);
});

test('progress goes by what the steps cost', () => {
  const model = cachedSvdXt();
  const { params } = resolveClip({ T: 2, steps: 4, deepcache_interval: 2, deepcache_branch: 3 }, model);
  const plan = planEvaluations(params, model);
  const shares = [0, 1, 2, 3, 4].map((step) => shareOfClip(plan, 'sample', step, 4));
  const [start, end] = [shares[0], shares[4]];
  const within = shares.map((share) => (share - start) / (end - start));
  [0, 1 / 3, 1 / 2, 5 / 6, 1].forEach((expected, i) => expect(within[i]).toBeCloseTo(expected, 10));
  expect(shareOfClip(plan, 'encode', 1, 1)).toBe(start);
  expect(shareOfClip(plan, 'decode', 0, 5)).toBe(end);
});
