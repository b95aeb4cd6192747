import { describe, expect, test } from '@jest/globals';
import { countOperations } from '../../../networks/onnx/index.js';
import { branchesOf, shallowCosts } from '../../../networks/svd/index.js';
import { inputs, publishedUnet, SVD } from './published-unet.js';

describe('the published UNet at 1024×576, guided', () => {
  test('has the twelve branches of DeepCache', () => {
    expect(branchesOf(SVD)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test.each([
    [25, 159.9],
    [14, 89.6],
  ])('takes the known number of operations for %i frames: %d TFLOP', (frames, expected) => {
    const { operations } = countOperations(publishedUnet('plain', []).unet, inputs(frames));
    expect(operations / 1e12).toBeCloseTo(expected, 1);
  });

  test('costs the known part of that above each branch', () => {
    const costs = shallowCosts(publishedUnet('plain', branchesOf(SVD)), SVD, {
      frames: 25,
      height: 72,
      width: 128,
    });
    const percent = [...costs.values()].map((cost) => Number((100 * cost).toFixed(1)));
    expect(percent.slice(0, 9)).toEqual([8.5, 24.7, 41.5, 48.9, 59, 69.8, 76.9, 86.1, 95.6]);
  });

  test.each(['portable', 'cuda'] as const)('costs less without what cancels out, in the %s form', (form) => {
    const { unet, shallow } = publishedUnet(form, [0, 1, 3]);
    const { operations } = countOperations(unet, inputs(25));
    expect(operations / 1e12).toBeGreaterThan(153.5);
    expect(operations / 1e12).toBeLessThan(154.5);
    const costs = shallowCosts({ unet, shallow }, SVD, { frames: 25, height: 72, width: 128 });
    const tera = [...costs.values()].map((cost) => (cost * operations) / 1e12);
    [13.1, 38.3, 75.9].forEach((expected, i) => expect(Math.abs(tera[i] - expected)).toBeLessThan(0.15));
  });
});
