import { Graph } from '../onnx/index.js';
import { CONTEXT_CHANNELS, LATENT_CHANNELS } from './settings.js';

/** Picture → latent by laying each 2×2 block of pixels into channels: image [1, 3, H, W] → latent [1, 12, h, w]. */
export function vaeEncoderGraph(): Graph {
  const g = new Graph('kenburns-vae-encoder');
  const image = g.input('image', 'float32', [1, 3, 'H', 'W']);
  g.output('latent', g.op('SpaceToDepth', image, { blocksize: 2 }), [1, LATENT_CHANNELS, 'h', 'w']);
  return g;
}

/** The exact inverse: latent [n, 12, h, w] → frames [n, 3, H, W], each frame on its own. */
export function vaeDecoderGraph(): Graph {
  const g = new Graph('kenburns-vae-decoder');
  const latent = g.input('latent', 'float32', ['n', LATENT_CHANNELS, 'h', 'w']);
  // DCR: block position outside, colour inside, as SpaceToDepth lays them.
  const frames = g.op('DepthToSpace', latent, { blocksize: 2, mode: 'DCR' });
  g.output('frames', frames, ['n', 3, 'H', 'W']);
  return g;
}

/** The mean colour, normalised as it comes: pixel_values [1, 3, 224, 224] → image_embeds [1, 3]. */
export function imageEncoderGraph(): Graph {
  const g = new Graph('kenburns-image-encoder');
  const pixels = g.input('pixel_values', 'float32', [1, 3, 224, 224]);
  const colour = g.op('ReduceMean', pixels, { axes: [2, 3], keepdims: 0 });
  g.output('image_embeds', colour, [1, CONTEXT_CHANNELS]);
  return g;
}
