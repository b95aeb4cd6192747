import '../one-runtime.cjs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { InferenceSession } from 'onnxruntime-node';
import { clipNormalise, clipResize } from '../../pipeline/clip-preprocess.js';
import { encodePicture } from '../../pipeline/conditioning.js';
import { loadModel } from '../../pipeline/model.js';
import { TorchRandom } from '../../samplers/index.js';
import { writeTinyModel } from './tiny/model-folder.js';
import { watch, type Watched } from './tiny/stand-in.js';

const folder = writeTinyModel();
afterAll(() => rmSync(folder, { recursive: true }));
const real: Watched['open'] = (path, options) => InferenceSession.create(path, options);

const [W, H] = [24, 16];
const picture = Float32Array.from({ length: 3 * W * H }, (_, i) => Math.sin(i / 7));
const params = { W, H, fps: 7, motion_bucket_id: 127, cond_aug: 0.02 };

async function encode(changes: Partial<typeof params> = {}) {
  const watched = watch(real);
  const model = await loadModel(folder, 'cpu', { open: watched.open });
  const random = new TorchRandom(5);
  const conditioning = await encodePicture(model, picture, { ...params, ...changes }, random);
  const [vae, clip] = watched.runs;
  return { conditioning, random, vae, clip };
}

describe('the picture', () => {
  test('the VAE sees it with the generator’s first draw, sized by cond_aug', async () => {
    const { vae } = await encode();
    const noise = new TorchRandom(5).randn(picture.length);
    const { data, dims } = vae.feeds.image;
    expect(dims).toEqual([1, 3, H, W]);
    expect(data).toEqual(picture.map((x, i) => x + 0.02 * noise[i]));
    expect(noise.some((x) => Math.abs(x) > 1)).toBe(true);
  });

  test('CLIP sees it without noise, resized and normalised', async () => {
    const { clip } = await encode();
    const { data, dims } = clip.feeds.pixel_values;
    expect(dims).toEqual([1, 3, 224, 224]);
    expect(data).toEqual(clipNormalise(clipResize(picture, H, W)));
  });

  test('the same draws are taken whatever cond_aug is, so that the draws that follow are the same', async () => {
    const after = new TorchRandom(5);
    after.randn(picture.length);
    const expected = after.randn(64);
    for (const cond_aug of [0, 0.02, 1]) {
      const { random } = await encode({ cond_aug });
      expect(random.randn(64)).toEqual(expected);
    }
    expect((await encode({ cond_aug: 0 })).vae.feeds.image.data).toEqual(picture);
  });

  test('becomes the unscaled latent, one context token and the three scalars', async () => {
    const { conditioning } = await encode({ cond_aug: 0 });
    expect(conditioning.concat).toHaveLength((4 * W * H) / 4);
    const corner = (picture[0] + picture[1] + picture[W] + picture[W + 1]) / 4;
    expect(conditioning.concat[0]).toBeCloseTo(corner, 6);
    expect(conditioning.context).toHaveLength(3);
    expect(conditioning.addedTimeIds).toEqual([6, 127, 0]);
  });
});

test.each([
  ['vae-encoder', /VAE encoder/],
  ['image-encoder', /image encoder/],
])('NaN from the %s ends the clip with an error that says so', async (graph, where) => {
  const watched = watch(async (path, options) => {
    const session = await real(path, options);
    if (!path.endsWith(`${graph}.onnx`)) return session;
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: async (feeds, fetches) => {
        const results = await session.run(feeds, fetches);
        (Object.values(results)[0]?.data as Float32Array)[1] = NaN;
        return results;
      },
      release: () => session.release(),
    };
  });
  const model = await loadModel(folder, 'cpu', { open: watched.open });
  const failed = encodePicture(model, picture, params, new TorchRandom(5));
  await expect(failed).rejects.toMatchObject({
    code: 'not_finite',
    message: expect.stringMatching(where),
  });
});
