import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { CheckpointError } from '../../../networks/checkpoint/index.js';
import { convertSvd, FolderOccupiedError } from '../../../networks/svd/index.js';
import type { ConversionOptions } from '../../../networks/svd/index.js';
import { readManifest } from '../../../pipeline/manifest.js';
import { writeSafetensors } from '../safetensors-file.js';
import { readAll, sgmTensors } from './sgm-layout.js';
import { TINY } from './tiny.js';

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'convert-'));
  folder = join(root, 'models', 'tiny');
});
afterEach(() => rmSync(root, { recursive: true }));

const siblings = () => readdirSync(join(root, 'models'));

describe('a converted folder', () => {
  test('holds four graphs, one data file and a description the pipeline takes', async () => {
    const { bytes, layout, maxFrames } = await convertSvd(TINY, folder, { licence: 'none' });
    expect(readdirSync(folder).toSorted()).toEqual([
      'image-encoder.onnx',
      'model.json',
      'unet.onnx',
      'vae-decoder.onnx',
      'vae-encoder.onnx',
      'weights.data',
    ]);
    expect(statSync(join(folder, 'weights.data')).size).toBe(bytes);
    expect([layout, maxFrames]).toEqual(['diffusers', 32]);
    const manifest = await readManifest(folder);
    expect(manifest).toMatchObject({
      name: 'tiny',
      family: 'svd',
      licence: 'none',
      precision: 'fp32',
      latent: { channels: 4, scale: 0.18215, divisor: 8 },
      picture: { divisor: 16 }, // three halvings of the VAE and one of the UNet
      context_channels: 32,
      scaling: 'VScalingWithEDMcNoise',
      abilities: { guidance: true, deepcache: [] },
      limits: { T: 32 },
    });
    expect(manifest.preview.matrix[3]).toEqual([-0.106, -0.1308, -0.35885]);
  });

  test.each([
    [
      14,
      { T: 14, steps: 25, decoding_t: 14, guider: { params: { max_cfg_scale: 2.5, min_guidance_scale: 1 } } },
    ],
    [
      25,
      { T: 25, steps: 30, decoding_t: 14, guider: { params: { max_cfg_scale: 3, min_guidance_scale: 1.5 } } },
    ],
  ])('trained on %i frames has the recipe published for it', async (frames, recipe) => {
    await convertSvd(TINY, folder, { frames });
    const manifest = await readManifest(folder);
    expect(manifest.recipe).toMatchObject({ W: 1024, H: 576, fps: 6, motion_bucket_id: 127, cond_aug: 0.02 });
    expect(manifest.recipe).toMatchObject(recipe);
    expect(manifest.recipe.discretization.params).toEqual({ sigma_min: 0.002, sigma_max: 700, rho: 7 });
    expect(manifest.limits.T).toBe(Math.max(32, 2 * frames));
  });

  test('is the same to the byte for the same source', async () => {
    await convertSvd(TINY, folder);
    await convertSvd(TINY, join(root, 'again'), { name: 'tiny' });
    for (const name of readdirSync(folder)) {
      expect(readFileSync(join(folder, name)).equals(readFileSync(join(root, 'again', name)))).toBe(true);
    }
  });

  test('reports its progress up to the last byte', async () => {
    const seen: number[] = [];
    const { bytes } = await convertSvd(TINY, folder, {
      onProgress: (written, total) => {
        expect(total).toBeGreaterThanOrEqual(written);
        seen.push(written);
      },
    });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(bytes);
  });
});

describe('what the description says of memory', () => {
  const memoryOf = async (options: ConversionOptions) => {
    await convertSvd(TINY, folder, { ...options, replace: true });
    const { memory, shallow } = await readManifest(folder);
    return { memory, shallow };
  };

  test('is the weights of each graph, as the device computes with them', async () => {
    const { bytes } = await convertSvd(TINY, folder);
    const fixed = async (form: ConversionOptions['form']): Promise<number> => {
      const { memory } = await memoryOf({ ...(form ? { form } : {}) });
      const { unet, vae_encoder, vae_decoder } = memory!;
      return unet.fixed + vae_encoder.fixed + vae_decoder.fixed;
    };
    const whole = await fixed(undefined);
    const imageEncoder = (await readManifest(folder)).memory!.image_encoder.fixed;
    expect(whole).toBeLessThan(bytes);
    expect(whole + imageEncoder).toBeGreaterThan(bytes);
    // Widened when they are loaded; in half precision on CUDA, but for the VAE's encoder.
    expect((await fixed({ precision: 'fp16' })) / whole).toBeCloseTo(1, 2);
    expect((await fixed({ target: 'cuda', precision: 'fp16' })) / whole).toBeLessThan(0.6);
  });

  test('and of what flows through it for each pixel of each frame', async () => {
    const portable = (await memoryOf({})).memory!;
    // Both ends of the VAE have 32 channels at the size of the picture, of which they hold two to four maps.
    for (const part of ['vae_encoder', 'vae_decoder'] as const) {
      expect(portable[part].per_pixel).toBeGreaterThan(2 * 32 * 4);
      expect(portable[part].per_pixel).toBeLessThan(4 * 32 * 4);
    }
    // The UNet's first level has 32 channels for every 64 pixels; feed-forwards widen them, and skips are held.
    expect(portable.unet.per_pixel).toBeGreaterThan((8 * 32 * 4) / 64);
    expect(portable.unet.per_pixel).toBeLessThan((24 * 32 * 4) / 64);
    expect(portable.image_encoder.per_pixel).toBe(0);
  });

  test('a shallow graph takes part of what the whole one takes', async () => {
    const { memory, shallow } = await memoryOf({ branches: [0, 3] });
    for (const branch of ['0', '3']) {
      expect(shallow[branch].memory!.fixed).toBeLessThan(memory!.unet.fixed);
      // With what the whole one holds longer for it.
      expect(shallow[branch].memory!.per_pixel).toBeLessThan(1.2 * memory!.unet.per_pixel);
    }
    expect(shallow['0'].memory!.fixed).toBeLessThan(shallow['3'].memory!.fixed);
  });

  test('is left out of the plain form, whose scores grow faster than the picture', async () => {
    const { memory, shallow } = await memoryOf({ branches: [0], form: { plain: true } });
    expect([memory, shallow['0'].memory]).toEqual([undefined, undefined]);
  });
});

describe('with branches for caching', () => {
  test('there is a graph for each, and the description says what it costs', async () => {
    await convertSvd(TINY, folder, { branches: [3, 0, 3] });
    expect(readdirSync(folder).filter((name) => name.includes('shallow'))).toEqual([
      'unet-shallow-b0.onnx',
      'unet-shallow-b3.onnx',
    ]);
    const { abilities, shallow, presets } = await readManifest(folder);
    expect(abilities.deepcache).toEqual([0, 3]);
    expect(shallow['0'].file).toBe('unet-shallow-b0.onnx');
    expect(shallow['0'].cost).toBeGreaterThan(0.1);
    expect(shallow['3'].cost).toBeGreaterThan(shallow['0'].cost);
    expect(shallow['3'].cost).toBeLessThan(1);
    expect(presets.fast).toMatchObject({ deepcache_interval: 2, deepcache_branch: 0 });
    // All graphs read one data file; what they do not share are the packed projections of the embedding.
    const { size } = statSync(join(folder, 'weights.data'));
    await convertSvd(TINY, join(root, 'plain'));
    expect(size / statSync(join(root, 'plain', 'weights.data')).size).toBeLessThan(1.1);
  });

  test('one that the network does not have is refused by name', async () => {
    const conversion = convertSvd(TINY, folder, { branches: [0, 2] });
    await expect(conversion).rejects.toThrow(/no branch 2; its branches are 0, 1, 3, 4/);
    expect(siblings()).toEqual([]);
  });
});

describe('with a UNet of its own file', () => {
  const unetOf = (pipeline: string) => join(pipeline, 'unet/diffusion_pytorch_model.fp16.safetensors');

  test('that is distilled the folder has the recipe for few steps', async () => {
    const source = join(root, 'source');
    cpSync(TINY, source, { recursive: true });
    const lone = join(root, 'AnimateLCM-tiny.safetensors');
    renameSync(unetOf(source), lone); // the pipeline's own is not needed
    await convertSvd(source, folder, { unet: lone, branches: [0] });
    const { recipe, presets } = await readManifest(folder);
    expect(recipe).toMatchObject({
      steps: 4,
      sampler: { name: 'EulerAncestralSampler', params: { eta: 1000, s_noise: 1 } },
      discretization: { name: 'LCMDiscretization', params: { num_timesteps: 40, sigma_max: 700 } },
      guider: { name: 'IdentityGuider' },
    });
    expect(presets.fast).toEqual({ steps: 2 });
    await convertSvd(TINY, join(root, 'whole'), { branches: [0] });
    const weights = (at: string) => readFileSync(join(at, 'weights.data'));
    expect(weights(folder).equals(weights(join(root, 'whole')))).toBe(true);
  });

  test('the tensors of that file are the ones that count', async () => {
    const other = join(root, 'other.safetensors');
    const tensors = readAll(unetOf(TINY));
    delete tensors['conv_in.bias'];
    writeSafetensors(other, tensors);
    await expect(convertSvd(TINY, folder, { unet: other })).rejects.toThrow(/missing: 'conv_in.bias'/);
    const single = join(root, 'single.safetensors');
    writeSafetensors(single, sgmTensors(TINY, 1, 2, 4));
    const heads = { unetHeadChannels: 16, visionHeadChannels: 16 };
    await expect(convertSvd(single, folder, { ...heads, unet: other })).rejects.toThrow(/conv_in.bias/);
    const { layout } = await convertSvd(single, folder, { ...heads, unet: unetOf(TINY), recipe: 'lcm' });
    expect(layout).toBe('sgm');
    expect((await readManifest(folder)).recipe.discretization.name).toBe('LCMDiscretization');
  });
});

describe('a conversion that does not finish', () => {
  const abortHalfway = async (): Promise<void> => {
    const abort = new AbortController();
    const conversion = convertSvd(TINY, folder, {
      signal: abort.signal,
      onProgress: (written, total) => {
        expect(existsSync(folder)).toBe(false);
        if (written > total / 2) abort.abort();
      },
    });
    await expect(conversion).rejects.toMatchObject({ name: 'AbortError' });
  };

  test('because it was aborted is gone on with by the next of the same kind, to the same bytes', async () => {
    const whole = join(root, 'whole');
    await convertSvd(TINY, whole, { name: 'tiny' });
    await abortHalfway();
    expect(siblings()).toEqual(['tiny.interrupted']);
    const { ino } = statSync(join(`${folder}.interrupted`, 'weights.data'));
    await convertSvd(TINY, folder);
    expect(siblings()).toEqual(['tiny']);
    expect(statSync(join(folder, 'weights.data')).ino).toBe(ino);
    expect(readdirSync(folder).toSorted()).toEqual(readdirSync(whole).toSorted());
    for (const name of readdirSync(whole)) {
      expect(readFileSync(join(folder, name)).equals(readFileSync(join(whole, name)))).toBe(true);
    }
  });

  test('because it was aborted is thrown away by the next of another kind', async () => {
    await abortHalfway();
    writeFileSync(join(`${folder}.interrupted`, 'mark'), '');
    await convertSvd(TINY, folder, { form: { precision: 'fp16' } });
    expect(siblings()).toEqual(['tiny']);
    expect(readdirSync(folder)).not.toContain('mark');
  });

  test('because the disk is short says so before it writes weights', async () => {
    const conversion = convertSvd(TINY, folder, { free: () => Promise.resolve(1e6) });
    await expect(conversion).rejects.toMatchObject({ code: 'disk_full', free: 1e6 });
    expect(siblings()).toEqual([]);
  });

  test('because the source is at fault leaves nothing behind', async () => {
    await expect(convertSvd(root, folder)).rejects.toBeInstanceOf(CheckpointError);
    expect(existsSync(folder)).toBe(false);
  });

  test('because its process was killed is cleared away by the next, and one that still runs is not', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['--version']);
    for (const name of [
      `tiny.${dead}-00000000.tmp`,
      `tiny.${process.pid}-00000000.tmp`,
      'tiny.a',
      'tiny.0.tmp',
    ]) {
      mkdirSync(join(root, 'models', name), { recursive: true });
    }
    await convertSvd(TINY, folder);
    const left = ['tiny', 'tiny.0.tmp', `tiny.${process.pid}-00000000.tmp`, 'tiny.a'];
    expect(siblings().toSorted()).toEqual(left.toSorted());
  });
});

describe('a folder that holds something', () => {
  test('is left alone', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'mine'), 'x');
    await expect(convertSvd(TINY, folder)).rejects.toBeInstanceOf(FolderOccupiedError);
    expect(readdirSync(folder)).toEqual(['mine']);
  });

  test('is replaced as a whole when that is asked for, and kept when the conversion fails', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'mine'), 'x');
    const signal = AbortSignal.abort();
    await expect(convertSvd(TINY, folder, { replace: true, signal })).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['mine']);
    await convertSvd(TINY, folder, { replace: true });
    expect(readdirSync(folder)).not.toContain('mine');
    expect(siblings()).toEqual(['tiny']);
  });
});
