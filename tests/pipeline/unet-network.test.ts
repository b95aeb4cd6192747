import '../one-runtime.cjs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { InferenceSession } from 'onnxruntime-node';
import type { Conditioning } from '../../pipeline/conditioning.js';
import { MemoryFallbacks } from '../../pipeline/memory-fallbacks.js';
import { loadModel, type Model } from '../../pipeline/model.js';
import { unetNetwork, type LatentShape } from '../../pipeline/unet-network.js';
import { tinyUnet } from './tiny/graphs.js';
import { writeTinyModel } from './tiny/model-folder.js';
import { CUDA_OUT_OF_MEMORY, watch, type Watched } from './tiny/stand-in.js';

const SHAPE: LatentShape = [3, 4, 2, 5];
const SIZE = 3 * 4 * 2 * 5;
const input = Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i));
const FIRST = { step: 0, slot: 0 };
const conditioning: Conditioning = {
  concat: Float32Array.from({ length: 4 * 2 * 5 }, (_, i) => Math.cos(i)),
  context: Float32Array.of(0.5, -1, 2),
  addedTimeIds: [6, 127, 0.02],
};

const folders: string[] = [];
const folderWith = (fits: number): string => {
  const folder = writeTinyModel({ unet: tinyUnet({ fits }) });
  folders.push(folder);
  return folder;
};
const whole = folderWith(Infinity);
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

const real: Watched['open'] = (path, options) => InferenceSession.create(path, options);

/** A model whose runs of the UNet are watched; more rows than `fits` are refused in the words of CUDA. */
async function tiny(fits = Infinity, options: { halfBatch?: boolean } = {}) {
  const watched = watch(real, (graph, feeds) => {
    if (graph === 'unet' && feeds.sample.dims[0] > fits) throw new Error(CUDA_OUT_OF_MEMORY);
  });
  const model = await loadModel(whole, 'cpu', { open: watched.open, ...options });
  const rows = (): number[] => watched.runs.map(({ feeds }) => feeds.sample.dims[0]);
  return { model, runs: watched.runs, rows };
}

/** The tiny UNet's rule for one row, in doubles. */
function expected(row: 'uncond' | 'cond', cNoise: number): number[] {
  const latent = 4 * 2 * 5;
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
  const context = row === 'cond' ? 0.1 * mean([...conditioning.context]) : 0;
  return Array.from(input, (x, i) => {
    const place = i % latent;
    const frames = [0, 1, 2].map((f) => input[f * latent + place]);
    const picture = row === 'cond' ? conditioning.concat[place] : 0;
    const scalars = 0.01 * mean([...conditioning.addedTimeIds]) + 0.05 * cNoise;
    return 0.5 * x + 0.2 * mean(frames) + 0.3 * picture + context + scalars;
  });
}
const expectClose = (given: Float32Array, reference: readonly number[]): void => {
  expect(given).toHaveLength(reference.length);
  reference.forEach((value, i) => expect(given[i]).toBeCloseTo(value, 5));
};
const evaluate = (model: Model, memory?: MemoryFallbacks): Promise<Float32Array> =>
  unetNetwork(model, conditioning, SHAPE, memory).evaluate(input, 1.5, 'both', FIRST);

describe('the rows of the batch', () => {
  test('row 0 is unconditional: no picture, no context, the same scalars; row 1 is conditional', async () => {
    const { model, runs } = await tiny();
    const both = await evaluate(model);
    expectClose(both.subarray(0, SIZE), expected('uncond', 1.5));
    expectClose(both.subarray(SIZE), expected('cond', 1.5));
    expect([...runs[0].feeds.added_time_ids.data].map(Number)).toEqual(
      [6, 127, 0.02, 6, 127, 0.02].map(Math.fround),
    );
  });

  test('the conditional prediction alone takes one row', async () => {
    const { model, rows } = await tiny();
    const network = unetNetwork(model, conditioning, SHAPE);
    expectClose(await network.evaluate(input, -0.5, 'cond', FIRST), expected('cond', -0.5));
    expect(rows()).toEqual([1]);
  });

  test('every evaluation is fed by the contract’s names and asks for the first output only', async () => {
    const { model, runs } = await tiny();
    await evaluate(model);
    expect(Object.fromEntries(Object.entries(runs[0].feeds).map(([name, { dims }]) => [name, dims]))).toEqual(
      {
        sample: [2, 3, 8, 2, 5],
        timestep: [1],
        encoder_hidden_states: [2, 1, 3],
        added_time_ids: [2, 3],
      },
    );
    expect(runs[0].fetches).toEqual(['out_sample']);
  });

  test('later evaluations see their own latents and time', async () => {
    const { model } = await tiny();
    const network = unetNetwork(model, conditioning, SHAPE);
    await network.evaluate(
      input.map((x) => -3 * x),
      9,
      'both',
      FIRST,
    );
    const both = await network.evaluate(input, 1.5, 'both', FIRST);
    expectClose(both.subarray(SIZE), expected('cond', 1.5));
  });
});

describe('half batches', () => {
  test('give exactly the numbers of the whole batch', async () => {
    const { model } = await tiny();
    const { model: halving, rows } = await tiny(Infinity, { halfBatch: true });
    const memory = new MemoryFallbacks(true);
    expect(await evaluate(halving, memory)).toEqual(await evaluate(model));
    expect(rows()).toEqual([1, 1]);
    expect(memory.warnings).toEqual([]); // it was asked for
  });

  test('are the model’s choice where the caller makes none', async () => {
    const { model, rows } = await tiny(Infinity, { halfBatch: true });
    await evaluate(model);
    expect(rows()).toEqual([1, 1]);
  });

  test('are taken when both rows do not fit, kept for the clip, and told', async () => {
    const { model } = await tiny();
    const { model: small, rows } = await tiny(1);
    const memory = new MemoryFallbacks();
    const network = unetNetwork(small, conditioning, SHAPE, memory);
    const first = (await network.evaluate(input, 1.5, 'both', FIRST)).slice();
    expect(first).toEqual(await evaluate(model));
    // Twice with both rows: with the other graphs in memory, and without.
    expect(rows()).toEqual([2, 2, 1, 1]);
    await network.evaluate(input, 0.5, 'both', FIRST);
    await unetNetwork(small, conditioning, SHAPE, memory).evaluate(input, 0.5, 'both', FIRST);
    expect(rows()).toEqual([2, 2, 1, 1, 1, 1, 1, 1]);
    expect(memory.warnings).toEqual([
      expect.stringMatching(/^Out of memory: .*guidance.*one after the other/),
    ]);
  });

  test('are taken when the runtime itself runs out of memory', async () => {
    const { model } = await tiny();
    const starved = await loadModel(folderWith(1), 'cpu');
    const memory = new MemoryFallbacks();
    expect(await evaluate(starved, memory)).toEqual(await evaluate(model));
    expect(memory.halfBatches).toBe(true);
  });

  test('that do not fit either are out of memory', async () => {
    const { model, rows } = await tiny(0);
    await expect(evaluate(model)).rejects.toMatchObject({ code: 'out_of_memory' });
    expect(rows()).toEqual([2, 2, 1]);
  });

  test('are not taken for any other failure', async () => {
    const watched = watch(real, (graph) => {
      if (graph === 'unet') throw new Error('Non-zero status code returned while running Reshape node.');
    });
    const model = await loadModel(whole, 'cpu', { open: watched.open });
    const memory = new MemoryFallbacks();
    await expect(evaluate(model, memory)).rejects.toThrow('Reshape');
    expect(watched.runs).toHaveLength(1);
    expect(memory.warnings).toEqual([]);
  });
});
