import { computed } from '../../networks/checkpoint/index.js';
import { NORM_EPSILONS } from '../../networks/svd/index.js';
import type { TensorSupply, UnetConfiguration } from '../../networks/svd/index.js';

/** What the benchmarks evaluate: a guided clip of 14 frames. */
export const CLIP = { batch: 2, frames: 14, height: 36, width: 64 } as const;
export const CHANNELS = [64, 128, 256, 256] as const;
export const CONTEXT = 1024;

export const UNET: UnetConfiguration = {
  inChannels: 8,
  outChannels: 4,
  levels: CHANNELS.map((channels, i) => ({
    channels,
    layers: 2,
    heads: channels / 64,
    depth: 1,
    contextChannels: CONTEXT,
    attendsDown: i < CHANNELS.length - 1,
    attendsUp: i < CHANNELS.length - 1,
  })),
  middle: { heads: 4, depth: 1, contextChannels: CONTEXT },
  scalarWidth: 256,
  scalars: 3,
  epsilons: NORM_EPSILONS.sgm,
};

/** Numbers in −1…1 that depend on nothing but their place (a linear congruential generator). */
export function noise(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Random weights of the size that keeps activations in range; both forms get the same. */
export const RANDOM: TensorSupply = {
  take: (name, dims) =>
    computed(name, dims, () => {
      const seed = [...name].reduce((hash, letter) => Math.imul(hash, 31) + letter.charCodeAt(0), 7);
      const inputs = dims.slice(1).reduce((n, d) => n * d, 1);
      const isGain = dims.length === 1 && name.endsWith('weight');
      return noise(dims[0] * inputs, seed).map((x) => (isGain ? 1 : 0) + x / Math.sqrt(inputs * 3));
    }),
};
