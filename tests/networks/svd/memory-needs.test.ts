import { describe, expect, test } from '@jest/globals';
import { memoryNeed } from '../../../networks/onnx/index.js';
import { inputs, publishedUnet } from './published-unet.js';
import type { Form } from './published-unet.js';

const need = (form: Form, frames: number) => memoryNeed(publishedUnet(form, []).unet, inputs(frames));
const PARAMETERS = 1_524_623_082;
const LEVEL_0 = 2 * 25 * 320 * 72 * 128;

describe('the published UNet at 1024×576, guided', () => {
  test('has its published weights, and those that count in the form without what cancels out', () => {
    expect(need('plain', 25).weights / (4 * PARAMETERS)).toBeCloseTo(1, 4);
    const portable = need('portable', 25).weights;
    expect(portable / (4 * PARAMETERS)).toBeGreaterThan(0.88);
    expect(portable / (4 * PARAMETERS)).toBeLessThan(0.92);
    expect(need('cuda', 25).weights / portable).toBeCloseTo(0.5, 3);
  });

  test('holds matrices of scores in the plain form only', () => {
    // Of the first level's attention: 50 frames, 5 heads, 9216 × 9216 tokens.
    const scores = 4 * 50 * 5 * 9216 ** 2;
    expect(need('plain', 25).working).toBeGreaterThan(scores);
    expect(need('portable', 25).working).toBeLessThan(scores / 10);
  });

  test('offers features at no cost where none is asked for', () => {
    const { unet } = publishedUnet('portable', [0, 1, 3]);
    const asking = (...features: string[]): number =>
      memoryNeed(unet, inputs(25), ['out_sample', ...features]).working;
    expect(asking()).toBe(need('portable', 25).working);
    // A map that is there before the fullest moment is held through it; that of branch 0 comes after.
    expect(asking('feature_b3')).toBeGreaterThan(asking());
    expect(memoryNeed(unet, inputs(25)).working).toBe(asking('feature_b0', 'feature_b1', 'feature_b3'));
  });

  test('works in a few maps of the first level, for each frame as much', () => {
    const portable = need('portable', 25).working;
    expect(portable / (4 * LEVEL_0)).toBeGreaterThan(8);
    expect(portable / (4 * LEVEL_0)).toBeLessThan(16);
    expect(need('portable', 50).working / portable).toBeCloseTo(2, 2);
    expect(need('cuda', 25).working / (2 * LEVEL_0)).toBeGreaterThan(8);
    expect(need('cuda', 25).working).toBeLessThan(0.65 * portable);
  });
});
