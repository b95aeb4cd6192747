import { describe, expect, test } from '@jest/globals';
import { guide, nearestSize } from '../../../../server/api/img2video/propose.js';
import { manifest, svdXt } from '../../../pipeline/manifests.js';

describe('the size of a video', () => {
  test.each([
    [1024, 576, [1024, 576]],
    [576, 1024, [576, 1024]],
    [768, 768, [768, 768]],
    [4000, 1000, [1024, 576]],
    [151, 100, [1024, 576]],
    [150, 100, [768, 768]],
    [67, 100, [768, 768]],
    [66, 100, [576, 1024]],
    [1, 5000, [576, 1024]],
  ])('of a picture of %i×%i is one of the three', (width, height, size) => {
    expect(nearestSize(width, height)).toEqual(size);
  });
});

describe('cfg_scale', () => {
  test('at its default is the guidance of the model’s recipe', () => {
    expect(guide(1.5, svdXt()).guidance).toEqual({ min_guidance_scale: 1.5, max_cfg_scale: 3 });
  });

  test.each([
    [0, 1, 1],
    [0.75, 1, 1.5],
    [3, 3, 6],
    [10, 10, 20],
  ])('of %d goes from %d to %d: from none on, and never out of range', (cfgScale, min, max) => {
    expect(guide(cfgScale, svdXt())).toEqual({
      guidance: { min_guidance_scale: min, max_cfg_scale: max },
      warnings: [],
    });
  });

  test('scales a recipe of one scale alike', () => {
    const vanilla = svdXt();
    const recipe = { ...vanilla.recipe, guider: { name: 'VanillaCFG', params: { cfg_scale: 2.5 } } };
    expect(guide(3, { ...vanilla, recipe }).guidance).toEqual({ cfg_scale: 5 });
  });

  test('has no effect on a model that cannot be guided, and that is said where it was given', () => {
    expect(guide(1.5, manifest())).toEqual({ guidance: {}, warnings: [] });
    expect(guide(7, manifest())).toEqual({
      guidance: {},
      warnings: [expect.stringMatching(/cfg_scale has no effect/)],
    });
  });
});
