import { expect, test } from '@jest/globals';
import { clipMemory, leastMemory } from '../../pipeline/clip-memory.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { cachedSvdXt, manifest } from './manifests.js';

const base = cachedSvdXt();
const model: ModelManifest = {
  ...base,
  memory: {
    image_encoder: { fixed: 1, per_pixel: 0 },
    vae_encoder: { fixed: 10, per_pixel: 3 },
    unet: { fixed: 100, per_pixel: 5 },
    vae_decoder: { fixed: 1000, per_pixel: 7 },
  },
  shallow: { ...base.shallow, '0': { ...base.shallow['0'], memory: { fixed: 10_000, per_pixel: 2 } } },
};
const PIXELS = 64 * 128;
const WHOLE = { lowVram: false, halfBatch: false };
const memory = (fields: Record<string, string | number>, settings = WHOLE): number | undefined =>
  clipMemory(resolveClip({ W: 64, H: 128, T: 6, decoding_t: 4, ...fields }, model).params, model, settings);
/** What lies between the nodes counts twice: the runtime takes more. */
const needs = (rows: number, decoded: number): number[] => [
  1,
  10 + 2 * 3 * PIXELS,
  100 + 2 * 5 * PIXELS * 6 * rows,
  1000 + 2 * 7 * PIXELS * decoded,
];
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

test('a clip takes what all graphs take, the UNet for all frames and the decoder for those of one run', () => {
  expect(memory({})).toBe(sum(needs(2, 4)));
  expect(memory({ decoding_t: 2 })).toBe(sum(needs(2, 2)));
  expect(memory({ decoding_t: 2, decoding_overlap: 1 })).toBe(sum(needs(2, 4)));
  expect(memory({ decoding_t: 100 })).toBe(sum(needs(2, 6)));
  expect(memory({ num_cols: 3 })).toBe(memory({}));
});

test('without guidance, and with one branch of it at a time, the UNet takes one row', () => {
  expect(memory({ guider: 'IdentityGuider' })).toBe(sum(needs(1, 4)));
  expect(memory({}, { ...WHOLE, halfBatch: true })).toBe(sum(needs(1, 4)));
});

test('a shallow graph takes its own, when there are shallow evaluations', () => {
  const shallow = 10_000 + 2 * 2 * PIXELS * 12;
  expect(memory({ deepcache_interval: 3 })).toBe(sum(needs(2, 4)) + shallow);
  // A graph that does not say, and one evaluation alone, which is of the whole network.
  expect(memory({ deepcache_interval: 3, deepcache_branch: 1 })).toBe(sum(needs(2, 4)));
  expect(memory({ deepcache_interval: 3, steps: 1 })).toBe(sum(needs(2, 4)));
});

test('where one graph is held at a time the largest decides', () => {
  expect(memory({}, { ...WHOLE, lowVram: true })).toBe(Math.max(...needs(2, 4)));
  expect(memory({ decoding_t: 100 }, { lowVram: true, halfBatch: true })).toBe(Math.max(...needs(1, 6)));
});

test('at the very least it takes its largest stage, one frame decoded, and nothing beside', () => {
  const least = (T: number, device = 'cuda:0', of = model) => leastMemory({ W: 64, H: 128, T }, of, device);
  expect(least(6)).toBe(100 + 5 * PIXELS * 6);
  expect(least(1)).toBe(1000 + 7 * PIXELS);
  const wordy = { ...model, memory: { ...model.memory!, image_encoder: { fixed: 1e12, per_pixel: 0 } } };
  expect(least(6, 'cuda:0', wordy)).toBe(1e12);
  // There weights are mapped.
  expect(least(6, 'cpu', wordy)).toBe(5 * PIXELS * 6);
});

test('a model that does not say leaves it open', () => {
  const silent = manifest();
  expect(leastMemory({ W: 64, H: 128, T: 6 }, silent, 'cpu')).toBeUndefined();
  expect(clipMemory(resolveClip({}, silent).params, silent, WHOLE)).toBeUndefined();
});
