import { expect, test } from '@jest/globals';
import { imageEncoderGraph, vaeDecoderGraph, vaeEncoderGraph } from '../../../networks/kenburns/coders.js';
import { describeKenburns } from '../../../networks/kenburns/description.js';
import { LATENT_SCALE } from '../../../networks/kenburns/settings.js';
import { evaluate, f32 } from '../session.js';
import { toLatent } from './closed-form.js';
import { normals } from './model.js';

const size = { width: 16, height: 8 };
const picture = normals(3 * size.width * size.height, 1).map(Math.fround);

test('encoding lays each 2×2 block into channels, and decoding is its exact inverse', async () => {
  const { latent } = await evaluate(vaeEncoderGraph(), { image: f32([1, 3, 8, 16], picture) });
  expect(latent.dims).toEqual([1, 12, 4, 8]);
  expect(latent.data).toEqual([...toLatent(picture, size)]);
  const { frames } = await evaluate(vaeDecoderGraph(), { latent: f32([1, 12, 4, 8], latent.data) });
  expect(frames).toEqual({ dims: [1, 3, 8, 16], type: 'float32', data: [...picture] });
});

test('frames are decoded each on its own, in chunks of any size', async () => {
  const latents = normals(3 * 12 * 4 * 8, 2);
  const all = await evaluate(vaeDecoderGraph(), { latent: f32([3, 12, 4, 8], latents) });
  const last = await evaluate(vaeDecoderGraph(), { latent: f32([1, 12, 4, 8], latents.subarray(2 * 384)) });
  expect(all.frames.data.slice(2 * 384)).toEqual(last.frames.data);
});

test('the image embedding is the mean colour', async () => {
  const values = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.floor(i / 224 / 224) + (i % 2));
  const { image_embeds } = await evaluate(imageEncoderGraph(), {
    pixel_values: f32([1, 3, 224, 224], values),
  });
  expect(image_embeds.dims).toEqual([1, 3]);
  image_embeds.data.forEach((mean, colour) => expect(mean).toBeCloseTo(colour + 0.5, 5));
});

test('the preview matrix turns latents into the mean colour of their four pixels', () => {
  const { matrix, bias } = describeKenburns('test').preview;
  const block = Float64Array.from(
    { length: 12 },
    (_, i) => [-1, 0.2, 0.6][Math.floor(i / 4)] + 0.1 * (i % 2),
  );
  const z = toLatent(block, { width: 2, height: 2 }).map((v) => v * LATENT_SCALE);
  const rgb = bias.map((b, colour) => z.reduce((sum, v, channel) => sum + v * matrix[channel][colour], b));
  [-0.95, 0.25, 0.65].forEach((mean, colour) => expect(rgb[colour]).toBeCloseTo((mean + 1) / 2, 10));
});
