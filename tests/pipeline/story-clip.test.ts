import { describe, expect, test } from '@jest/globals';
import { sceneClip, type SceneClipWish } from '../../pipeline/story-clip.js';
import { InvalidParameterError } from '../../samplers/index.js';
import { cachedSvdXt, manifest, svdXt } from './manifests.js';

const paramsOf = (asked: SceneClipWish, model = manifest()) => sceneClip(asked, model).params;
const wish = { W: 512, H: 512, frames: 72, fps: 24, seed: 3 };

describe('the clip of a scene', () => {
  test('of the embedded model has the frames of the scene, as many as its limits allow', () => {
    const embedded = manifest({ limits: { W: 1920, H: 1920, T: 240, pixels: 20_000_000 } });
    expect(paramsOf(wish, embedded)).toMatchObject({
      ...{ W: 512, H: 512, T: 72, fps: 24, seed: 3 },
      steps: 7,
    });
    expect(paramsOf({ ...wish, frames: 600 }, embedded)).toMatchObject({ T: 76, fps: 3 }); // 20 M / 512² = 76
    expect(paramsOf({ ...wish, W: 128, H: 128, frames: 600 }, embedded)).toMatchObject({ T: 240, fps: 10 });
  });

  test('of a trained model has the frames it was trained for, at the rate that spreads them over the scene', () => {
    expect(paramsOf(wish, svdXt())).toMatchObject({ T: 25, fps: 8, steps: 30 }); // 25 frames in 3 s
    expect(paramsOf({ ...wish, frames: 10, steps: 12 }, svdXt())).toMatchObject({
      T: 10,
      fps: 24,
      steps: 12,
    });
    expect(paramsOf({ ...wish, frames: 1000, fps: 1 }, svdXt())).toMatchObject({ T: 25, fps: 1 });
  });

  test('takes other fields, and says which have no effect', () => {
    const { params, warnings } = sceneClip({ ...wish, preset: 'fast', deepcache_interval: 1 }, cachedSvdXt());
    expect(params).toMatchObject({
      T: 25,
      steps: 10,
      discretization: 'AlignYourSteps',
      deepcache_interval: 1,
    });
    expect(warnings).toEqual([]);
    expect(sceneClip({ ...wish, deepcache_branch: 1 }, cachedSvdXt()).warnings).toHaveLength(1);
  });

  test.each([
    ['a size that is no multiple of the model’s', { W: 514 }, 'W'],
    ['a size beyond its limits', { H: 2048 }, 'H'],
    ['steps out of range', { steps: 1001 }, 'steps'],
  ])('%s is refused by name', (_, wrong, field) => {
    expect(() => sceneClip({ ...wish, ...wrong }, manifest())).toThrow(InvalidParameterError);
    expect(() => sceneClip({ ...wish, ...wrong }, manifest())).toThrow(expect.objectContaining({ field }));
  });

  test('a size of which not one frame fits is refused', () => {
    const small = manifest({ limits: { W: 1024, H: 1024, T: 240, pixels: 512 * 511 } });
    expect(() => sceneClip(wish, small)).toThrow(expect.objectContaining({ field: 'T' }));
  });
});
