import '../one-runtime.cjs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession } from 'onnxruntime-node';
import sharp from 'sharp';
import { runClip } from '../../pipeline/clip.js';
import type { ClipProgress } from '../../pipeline/clip-job.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import { findFfmpeg, type Ffmpeg } from '../../pipeline/ffmpeg.js';
import { loadModel, type LoadOptions, type Model } from '../../pipeline/model.js';
import { fitPicture, toTensor } from '../../pipeline/picture.js';
import type { Previewer } from '../../pipeline/preview.js';
import type { LatentShape } from '../../pipeline/unet-network.js';
import { TorchRandom } from '../../samplers/index.js';
import { decodeVideo, difference } from '../end-to-end/video-facts.js';
import { tinyManifest, writeTinyModel } from './tiny/model-folder.js';
import { CUDA_OUT_OF_MEMORY, watch, type Feeds, type Watched } from './tiny/stand-in.js';

const picture = fileURLToPath(new URL('../data/rocket.jpg', import.meta.url));
const [W, H, T] = [64, 64, 5];
const LATENTS = T * 4 * 32 * 32;

let ffmpeg: Ffmpeg;
const model = writeTinyModel();
const made = mkdtempSync(join(tmpdir(), 'clips-'));
beforeAll(async () => {
  ffmpeg = await findFfmpeg();
});
afterAll(() => [model, made].forEach((folder) => rmSync(folder, { recursive: true })));

const real: Watched['open'] = (path, options) => InferenceSession.create(path, options);

interface Options extends Pick<LoadOptions, 'lowVram' | 'halfBatch'> {
  readonly beforeRun?: (graph: string, feeds: Feeds) => void;
  readonly fields?: Record<string, string | number>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ClipProgress) => void;
}

interface RunOptions extends Pick<Options, 'fields' | 'signal' | 'onProgress'> {
  readonly folder?: string;
  readonly preview?: Previewer;
}

const newFolder = (): string => mkdtempSync(join(made, 'job-'));

function run(on: Model, { fields, signal, onProgress, preview, folder = newFolder() }: RunOptions = {}) {
  const { params } = resolveClip({ seed: 11, ...fields }, tinyManifest());
  return runClip(
    { id: 'job', picture, params, folder },
    {
      model: on,
      ffmpeg,
      signal: signal ?? new AbortController().signal,
      onProgress: onProgress ?? (() => undefined),
      ...(preview ? { preview } : {}),
    },
  );
}

/** One clip of the tiny model, with what its sessions saw. */
async function make({ beforeRun, lowVram = false, halfBatch = false, ...options }: Options = {}) {
  const watched = watch(real, beforeRun);
  const loaded = await loadModel(model, 'cpu', { lowVram, halfBatch, open: watched.open });
  watched.events.length = 0;
  const folder = newFolder();
  const result = await run(loaded, { ...options, folder });
  const frames = await decodeVideo(join(folder, result.videos[0].file), W, H);
  const inputs = (graph: string): Feeds[] =>
    watched.runs.filter((run) => run.graph === graph).map(({ feeds }) => feeds);
  return { result, frames, inputs, ...watched };
}
/** Throws in the words of CUDA for a run of `graph` with more than `fits` rows. */
const scarce =
  (graph: string, fits: number) =>
  (name: string, feeds: Feeds): void => {
    if (name === graph && Object.values(feeds)[0].dims[0] > fits) throw new Error(CUDA_OUT_OF_MEMORY);
  };

describe('a clip', () => {
  test('takes its random numbers in order: the picture’s noise, then the starting latents', async () => {
    const { inputs } = await make({ fields: { cond_aug: 0.5 } });
    const random = new TorchRandom(11);
    const noise = random.randn(3 * W * H);
    const start = random.randn(LATENTS);
    const clean = toTensor((await fitPicture(picture, W, H)).rgb);
    expect(inputs('vae-encoder')[0].image.data).toEqual(clean.map((x, i) => x + 0.5 * noise[i]));

    // c_in · x at the first level is the starting noise itself: √(1 + σ²) cancels.
    const { data, dims } = inputs('unet')[0].sample;
    expect(dims).toEqual([2, T, 8, 32, 32]);
    const latent = 4 * 32 * 32;
    for (const row of [0, 1]) {
      for (let f = 0; f < T; f++) {
        const at = (row * T + f) * 2 * latent;
        const given = (data as Float32Array).subarray(at, at + latent);
        given.forEach((x, i) => expect(Math.abs(x - start[f * latent + i])).toBeLessThan(1e-5));
      }
    }
  });

  test('an unguided one evaluates the conditional row alone', async () => {
    const { inputs } = await make({ fields: { guider: 'IdentityGuider' } });
    expect(inputs('unet').map(({ sample }) => sample.dims[0])).toEqual([1, 1, 1]);
  });

  test.each(['EulerAncestralSampler', 'HeunEDMSampler', 'DPMPP2MSampler', 'LinearMultistepSampler'])(
    'runs through with %s',
    async (sampler) => {
      const { result, frames } = await make({ fields: { sampler } });
      expect(result.videos).toMatchObject([{ frames: T, seed: 11 }]);
      expect(result.warnings).toEqual([]);
      expect(frames).toHaveLength(T);
    },
  );

  test('gives the latents predicted at each evaluation to the preview, the last of which are the clip', async () => {
    const seen: { denoised: Float32Array; shape: LatentShape }[] = [];
    const watched = watch(real);
    const loaded = await loadModel(model, 'cpu', { open: watched.open });
    watched.runs.length = 0;
    const preview: Previewer = (denoised, shape) => void seen.push({ denoised: denoised.slice(), shape });
    await run(loaded, { fields: { sampler: 'HeunEDMSampler', steps: 3, decoding_t: T }, preview });
    expect(seen.map(({ shape }) => shape)).toEqual(Array.from({ length: 5 }, () => [T, 4, 32, 32]));
    // The last step goes all the way to what it predicts.
    const decoded = watched.runs.find(({ graph }) => graph === 'vae-decoder')?.feeds.latent
      .data as Float32Array;
    const { scale } = loaded.manifest.latent;
    decoded.forEach((value, i) => expect(value * scale).toBeCloseTo(seen[4].denoised[i], 4));
  });

  test('is made with a GIF of each variation where that is asked for', async () => {
    const folder = newFolder();
    const loaded = await loadModel(model, 'cpu');
    const parts = new Set<string>();
    const result = await run(loaded, {
      fields: { outputs: 'mp4+gif', num_cols: 2, fps: 7 },
      folder,
      onProgress: ({ part, parts: of, stage }) => parts.add(`${stage} ${part}/${of}`),
    });
    expect([...parts]).toEqual(
      [1, 2].flatMap((part) => ['encode', 'sample', 'decode', 'write'].map((stage) => `${stage} ${part}/2`)),
    );
    expect(result.videos.map(({ file, gif }) => [file, gif])).toEqual([
      ['video-0.mp4', 'video-0.gif'],
      ['video-1.mp4', 'video-1.gif'],
    ]);
    const videos = result.videos.map(({ file }) => decodeVideo(join(folder, file), W, H));
    const frames = (await Promise.all(videos)).flat();
    for (const [index, { gif = '' }] of result.videos.entries()) {
      const animated = sharp(join(folder, gif), { animated: true });
      const { width, pageHeight, pages, loop, delay } = await animated.metadata();
      expect([width, pageHeight, pages, loop, delay]).toEqual([W, H, T, 0, Array(T).fill(140)]);
      const shown = await animated.removeAlpha().raw().toBuffer();
      for (let f = 0; f < T; f++) {
        const own = shown.subarray(f * 3 * W * H, (f + 1) * 3 * W * H);
        const distances = frames.map((frame) => difference(frame, own));
        expect(distances.indexOf(Math.min(...distances))).toBe(index * T + f);
      }
    }
  });

  test('is made from the stretched picture where that is asked for', async () => {
    const { inputs } = await make({ fields: { fit: 'stretch', cond_aug: 0 } });
    const stretched = toTensor((await fitPicture(picture, W, H, 'stretch')).rgb);
    expect(inputs('vae-encoder')[0].image.data).toEqual(stretched);
    expect(stretched).not.toEqual(toTensor((await fitPicture(picture, W, H)).rgb));
  });

  test('decoding_t and decoding_overlap decide what is decoded together', async () => {
    const { inputs } = await make({ fields: { decoding_t: 2, decoding_overlap: 1 } });
    expect(inputs('vae-decoder').map(({ latent }) => latent.dims[0])).toEqual([3, 4, 2]);
  });
});

describe('low VRAM', () => {
  test('holds one graph at a time, from the beginning of its stage to the end, and makes the same clip', async () => {
    const plain = await make();
    const low = await make({ lowVram: true });
    expect(low.events).toEqual([
      ...['load vae-encoder', 'run vae-encoder', 'release vae-encoder'],
      ...['load image-encoder', 'run image-encoder', 'release image-encoder'],
      ...['load unet', 'run unet', 'run unet', 'run unet', 'release unet'],
      ...['load vae-decoder', 'run vae-decoder', 'run vae-decoder', 'run vae-decoder', 'release vae-decoder'],
    ]);
    expect(low.most()).toBe(1);
    expect(plain.most()).toBe(4);
    expect(low.frames).toEqual(plain.frames);
  });

  /** What is left of the events when the run of `graph` does `what`. */
  const lastEvent = async (graph: string, what: () => void, signal?: AbortSignal): Promise<unknown> => {
    const watched = watch(real, (name) => {
      if (name === graph) what();
    });
    const loaded = await loadModel(model, 'cpu', { lowVram: true, open: watched.open });
    const outcome = await run(loaded, signal ? { signal } : {}).catch((error: Error) => error.message);
    return [outcome, watched.events.at(-1)];
  };

  test.each(['vae-encoder', 'image-encoder', 'unet', 'vae-decoder'])(
    'gives memory back when the %s fails',
    async (graph) => {
      const fail = (): void => {
        throw new Error('Non-zero status code');
      };
      expect(await lastEvent(graph, fail)).toEqual(['Non-zero status code', `release ${graph}`]);
    },
  );

  test('gives memory back when a clip is cancelled', async () => {
    const abort = new AbortController();
    const cancel = (): void => abort.abort();
    expect(await lastEvent('unet', cancel, abort.signal)).toEqual(['Cancelled', 'release unet']);
  });
});

describe('out of memory', () => {
  test('guidance in half batches makes the same clip, with a warning', async () => {
    const plain = await make();
    const { result, frames } = await make({ beforeRun: scarce('unet', 1) });
    expect(result.warnings).toEqual([expect.stringMatching(/guidance/)]);
    expect(frames).toEqual(plain.frames);
    const asked = await make({ halfBatch: true });
    expect(asked.result.warnings).toEqual([]);
    expect(asked.inputs('unet').map(({ sample }) => sample.dims[0])).toEqual([1, 1, 1, 1, 1, 1]);
    expect(asked.frames).toEqual(plain.frames);
  });

  test('decoding in smaller chunks makes the clip of the smaller chunk, with a warning', async () => {
    const asked = await make({ fields: { decoding_t: 2 } });
    const { result, frames } = await make({
      fields: { decoding_t: 4 },
      beforeRun: scarce('vae-decoder', 2),
    });
    expect(result.warnings).toEqual([expect.stringMatching(/decoded 2 at a time, not 4/)]);
    expect(frames).toEqual(asked.frames);
  });

  test('a fallback is remembered over the variations and told once', async () => {
    const { result, inputs } = await make({ fields: { num_cols: 3 }, beforeRun: scarce('unet', 1) });
    expect(result.warnings).toHaveLength(1);
    expect(inputs('unet').filter(({ sample }) => sample.dims[0] === 2)).toHaveLength(2);
    expect(result.videos.map(({ seed }) => seed)).toEqual([11, 12, 13]);
  });

  test.each([
    ['vae-encoder', 'encoding the picture'],
    ['unet', 'sampling'],
    ['vae-decoder', 'decoding'],
  ])(
    'of the %s with no fallback left ends the clip, says where, and leaves no file',
    async (graph, stage) => {
      const folder = mkdtempSync(join(made, 'job-'));
      const watched = watch(real, scarce(graph, 0));
      const loaded = await loadModel(model, 'cpu', { open: watched.open });
      const { params } = resolveClip({ seed: 1 }, tinyManifest());
      const failed = runClip(
        { id: 'job', picture, params, folder },
        { model: loaded, ffmpeg, signal: new AbortController().signal, onProgress: () => undefined },
      );
      await expect(failed).rejects.toMatchObject({
        code: 'out_of_memory',
        message: expect.stringContaining(`while ${stage} (5 frames of 64×64)`),
      });
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test('the next clip of the same model starts afresh', async () => {
    let small = true;
    const watched = watch(real, (graph, feeds) => small && scarce('unet', 1)(graph, feeds));
    const loaded = await loadModel(model, 'cpu', { open: watched.open });
    expect((await run(loaded)).warnings).toHaveLength(1);
    small = false;
    expect((await run(loaded)).warnings).toEqual([]);
  });
});

test('NaN from the decoder ends the clip with an error that names the frame', async () => {
  const nan: Watched['open'] = async (path, options) => {
    const session = await real(path, options);
    if (!path.endsWith('vae-decoder.onnx')) return session;
    const { inputNames, outputNames } = session;
    return {
      inputNames,
      outputNames,
      run: (feeds) => {
        const [frames] = feeds.latent.dims;
        return Promise.resolve({ frames: { data: new Float32Array(frames * 3 * W * H).fill(NaN) } });
      },
      release: () => session.release(),
    };
  };
  const loaded = await loadModel(model, 'cpu', { open: nan });
  await expect(run(loaded)).rejects.toMatchObject({
    code: 'not_finite',
    message: expect.stringContaining('frame 1 of 5'),
  });
});
