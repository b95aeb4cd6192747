import '../one-runtime.cjs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { InferenceSession } from 'onnxruntime-node';
import { decodeFrames, type DecodeOptions } from '../../pipeline/decode.js';
import { MemoryFallbacks } from '../../pipeline/memory-fallbacks.js';
import { loadModel, type Model } from '../../pipeline/model.js';
import type { LatentShape } from '../../pipeline/unet-network.js';
import { tinyDecoder } from './tiny/graphs.js';
import { writeTinyModel } from './tiny/model-folder.js';
import { CUDA_OUT_OF_MEMORY, watch, type Watched } from './tiny/stand-in.js';

const FRAMES = 9;
const [HEIGHT, WIDTH] = [2, 3];
const SHAPE: LatentShape = [FRAMES, 4, HEIGHT, WIDTH];
const LATENT = 4 * HEIGHT * WIDTH;
/** Small values, so that no pixel is clamped; every frame another. */
const latents = Float32Array.from({ length: FRAMES * LATENT }, (_, i) => 0.3 * Math.sin(i * i));

const temporal = writeTinyModel();
const frameWise = writeTinyModel({ vae_decoder: tinyDecoder({ temporal: false }) });
const starved = writeTinyModel({ vae_decoder: tinyDecoder({ fits: 3 }) });
afterAll(() => [temporal, frameWise, starved].forEach((folder) => rmSync(folder, { recursive: true })));

const real: Watched['open'] = (path, options) => InferenceSession.create(path, options);

/** A model whose decoder refuses more than `fits` frames in the words of CUDA. */
async function tiny(folder: string, fits = Infinity) {
  const watched = watch(real, (graph, feeds) => {
    if (graph === 'vae-decoder' && feeds.latent.dims[0] > fits) throw new Error(CUDA_OUT_OF_MEMORY);
  });
  const model = await loadModel(folder, 'cpu', { open: watched.open });
  // Nothing beside the decoder is in memory, so that each size is tried once.
  await model.release();
  return { model, sizes: () => watched.runs.map(({ feeds }) => feeds.latent.dims[0]) };
}

async function decode(model: Model, chunk: number, options?: DecodeOptions): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const frame of decodeFrames(model, latents, SHAPE, chunk, options)) frames.push(frame);
  return frames;
}

/** The tiny decoder's rule, frame by frame; `sees` says which frames a frame is decoded with. */
function expectedFrames(sees: (f: number) => readonly [from: number, to: number]): Uint8Array[] {
  const value = (f: number, c: number, y: number, x: number): number =>
    latents[f * LATENT + (c * HEIGHT + y) * WIDTH + x] / 0.5; // the manifest's scale
  return Array.from({ length: FRAMES }, (_, f) => {
    const [from, to] = sees(f);
    const at = (g: number, ...place: [number, number, number]): number =>
      g >= from && g < to ? value(g, ...place) : 0;
    const rgb = new Uint8ClampedArray(3 * 4 * HEIGHT * WIDTH);
    for (let p = 0; p < 4 * HEIGHT * WIDTH; p++) {
      const place = [Math.floor(p / (2 * WIDTH) / 2), Math.floor((p % (2 * WIDTH)) / 2)] as const;
      for (let c = 0; c < 3; c++) {
        const mixed = 0.5 * at(f, c, ...place) + 0.25 * (at(f - 1, c, ...place) + at(f + 1, c, ...place));
        rgb[3 * p + c] = mixed * 127.5 + 127.5;
      }
    }
    return new Uint8Array(rgb.buffer);
  });
}
/** Frames whose bytes differ by more than rounding. */
const differing = (a: readonly Uint8Array[], b: readonly Uint8Array[]): number[] =>
  a.flatMap((frame, f) => (frame.some((byte, i) => Math.abs(byte - b[f][i]) > 1) ? [f] : []));

describe('chunks', () => {
  test('decoded together, frames are the decoder’s rule over all of them', async () => {
    const { model, sizes } = await tiny(temporal);
    expect(
      differing(
        await decode(model, 100),
        expectedFrames(() => [0, FRAMES]),
      ),
    ).toEqual([]);
    expect(sizes()).toEqual([9]);
  });

  test('a chunk sees itself only, and the last may be shorter', async () => {
    const { model, sizes } = await tiny(temporal);
    const chunk = (f: number): number => Math.floor(f / 4) * 4;
    const expected = expectedFrames((f) => [chunk(f), Math.min(chunk(f) + 4, FRAMES)]);
    const frames = await decode(model, 4);
    expect(differing(frames, expected)).toEqual([]);
    expect(sizes()).toEqual([4, 4, 1]);
    // The seams are seen on both of their sides.
    expect(
      differing(
        frames,
        expectedFrames(() => [0, FRAMES]),
      ),
    ).toEqual([3, 4, 7, 8]);
  });
});

describe('overlap', () => {
  test('neighbours on either side are decoded with each chunk, as far as there are any', async () => {
    const { model, sizes } = await tiny(temporal);
    await decode(model, 4, { overlap: 2 });
    expect(sizes()).toEqual([4 + 2, 2 + 4 + 1, 2 + 1]);
  });

  test('as wide as the decoder’s reach, it removes the seams of a temporal decoder', async () => {
    const { model } = await tiny(temporal);
    expect(await decode(model, 4, { overlap: 1 })).toEqual(await decode(model, FRAMES));
    expect(await decode(model, 2, { overlap: 8 })).toEqual(await decode(model, FRAMES));
  });

  test('makes no difference to a decoder that takes each frame by itself', async () => {
    const { model } = await tiny(frameWise);
    const plain = await decode(model, 4);
    expect(await decode(model, 4, { overlap: 3 })).toEqual(plain);
    expect(new Set(plain.map(String)).size).toBe(FRAMES);
  });
});

describe('out of memory', () => {
  test('the chunk is halved until it fits, kept for the clip, and told', async () => {
    const { model, sizes } = await tiny(temporal, 2);
    const memory = new MemoryFallbacks();
    const frames = await decode(model, 9, { memory });
    expect(sizes()).toEqual([9, 4, 2, 2, 2, 2, 1]);
    expect(frames).toEqual(await decode((await tiny(temporal)).model, 2));
    await decode(model, 9, { memory });
    expect(sizes().slice(7)).toEqual([2, 2, 2, 2, 1]);
    expect(memory.warnings).toEqual([
      expect.stringMatching(/^Out of memory: frames were decoded 2 at a time, not 9 at a time/),
    ]);
  });

  test('frames that are out already stay, and the rest goes on from there', async () => {
    const { model } = await tiny(temporal);
    let room = 4;
    const watched = watch(real, (graph, { latent }) => {
      if (graph === 'vae-decoder' && latent.dims[0] > room) throw new Error(CUDA_OUT_OF_MEMORY);
    });
    const shrinking = await loadModel(temporal, 'cpu', { open: watched.open });
    await shrinking.release();
    const frames: Uint8Array[] = [];
    for await (const frame of decodeFrames(shrinking, latents, SHAPE, 4, { overlap: 0 })) {
      frames.push(frame);
      room = 1;
    }
    expect(frames).toHaveLength(FRAMES);
    const byFour = await decode(model, 4);
    const byOne = await decode(model, 1);
    expect(frames).toEqual([...byFour.slice(0, 4), ...byOne.slice(4)]);
  });

  test('once one frame is left the neighbours are halved', async () => {
    const { model, sizes } = await tiny(temporal, 3);
    const memory = new MemoryFallbacks();
    const plenty = (await tiny(temporal)).model;
    expect(await decode(model, 2, { overlap: 3, memory })).toEqual(await decode(plenty, FRAMES));
    // 2 + 3, 1 + 3, 1 + 1 at the beginning of the clip; 1 + 1 + 1 within it, 1 + 1 at its end
    expect(sizes()).toEqual([5, 4, 2, 3, 3, 3, 3, 3, 3, 3, 2]);
    expect(memory.warnings.join()).toMatch(/1 at a time beside 1 neighbours, not 2 at a time beside 3/);
  });

  test('when the runtime itself runs out of memory the clip is the one of the smaller chunk', async () => {
    const model = await loadModel(starved, 'cpu');
    const plenty = (await tiny(temporal)).model;
    expect(await decode(model, 5)).toEqual(await decode(plenty, 2));
  });

  test('a single frame that does not fit is out of memory', async () => {
    const { model, sizes } = await tiny(temporal, 0);
    await expect(decode(model, 5, { overlap: 1 })).rejects.toMatchObject({ code: 'out_of_memory' });
    expect(sizes()).toEqual([6, 3, 2, 1]);
  });

  test('any other failure is passed on at once', async () => {
    const watched = watch(real, (graph) => {
      if (graph === 'vae-decoder') throw new Error('Non-zero status code');
    });
    const model = await loadModel(temporal, 'cpu', { open: watched.open });
    await expect(decode(model, 5)).rejects.toThrow('Non-zero status code');
    expect(watched.runs).toHaveLength(1);
  });
});

test('a frame that is not finite ends the clip with an error that names it', async () => {
  const { model } = await tiny(frameWise);
  const broken = latents.slice();
  broken[6 * LATENT + 2] = Infinity;
  const frames: Uint8Array[] = [];
  const decodeAll = async (): Promise<void> => {
    for await (const frame of decodeFrames(model, broken, SHAPE, 4)) frames.push(frame);
  };
  await expect(decodeAll()).rejects.toMatchObject({
    code: 'not_finite',
    message: expect.stringContaining('frame 7 of 9'),
  });
  expect(frames).toHaveLength(6);
});
