import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkNetworks } from '../../scripts/network-checks/check.js';
import { isWithin, lineOf } from '../../scripts/network-checks/deviation.js';
import { writeSafetensors } from '../networks/safetensors-file.js';
import { readAll, sgmTensors } from '../networks/svd/sgm-layout.js';
import { TINY } from '../networks/svd/tiny.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const MODULES = ['unet.0', 'unet.1', 'unet.2', 'vae.encode', 'vae.decode.3', 'clip'];
const CACHED = ['2.branch0', '3.branch0', '3.branch1', '3.branch3', '5.branch3', '3.branch4'].map(
  (run) => `deepcache.interval${run}`,
);
const STAGES = ['image_embeds', 'sigmas', 'latents', 'frames'].map((stage) => `pipeline.${stage}`);

test('a recorded pipeline passes: each network, and the run of the service’s own pipeline and samplers', async () => {
  const { comparisons, conversion } = await checkNetworks(TINY);
  expect(conversion.layout).toBe('diffusers');
  expect(comparisons.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...MODULES, ...STAGES, ...CACHED]),
  );
  expect(comparisons.filter((comparison) => !isWithin(comparison)).map(lineOf)).toEqual([]);
}, 90_000);

test('a single file passes with the epsilons of the code base that recorded it', async () => {
  writeSafetensors(join(folder, 'model.safetensors'), sgmTensors(TINY, 1, 2, 4));
  const recordings = /^(modules|pipeline)\.(json|safetensors)$|\.png$/;
  for (const name of readdirSync(TINY).filter((entry) => recordings.test(entry))) {
    cpSync(join(TINY, name), join(folder, name));
  }
  const { comparisons, conversion } = await checkNetworks(folder, {
    unetHeadChannels: 16,
    visionHeadChannels: 16,
  });
  expect(conversion.layout).toBe('sgm');
  expect(comparisons.every(isWithin)).toBe(true);
  const unet = comparisons.find(({ name }) => name === 'unet.0');
  expect(unet?.deviation).toBeLessThan(1e-5); // generative-models' own epsilons are ten times off
});

test('a blend the wrong way round does not pass, and spoils only the network it is in', async () => {
  for (const part of ['unet', 'vae', 'image_encoder', 'modules.safetensors']) {
    cpSync(join(TINY, part), join(folder, part), { recursive: true });
  }
  const path = join(folder, 'unet/diffusion_pytorch_model.fp16.safetensors');
  const tensors = readAll(path);
  const mix = tensors['down_blocks.0.resnets.0.time_mixer.mix_factor'];
  mix.bytes[1] ^= 0x80; // −x
  rmSync(path);
  writeSafetensors(path, tensors);
  const { comparisons } = await checkNetworks(folder);
  const failed = comparisons.filter((comparison) => !isWithin(comparison)).map(({ name }) => name);
  expect(failed).toEqual(['unet.0', 'unet.1', 'unet.2']);
});

test('a recording without a module’s cases, or a run without latents, is refused', async () => {
  for (const part of ['unet', 'vae', 'image_encoder'])
    cpSync(join(TINY, part), join(folder, part), { recursive: true });
  const modules = readAll(join(TINY, 'modules.safetensors'));
  const write = (leftOut: string) =>
    writeSafetensors(
      join(folder, 'modules.safetensors'),
      Object.fromEntries(Object.entries(modules).filter(([name]) => !name.startsWith(leftOut))),
    );
  write('clip');
  await expect(checkNetworks(folder)).rejects.toThrow('clip');
  write('unet.1.timestep');
  await expect(checkNetworks(folder)).rejects.toThrow("missing: 'unet.1.timestep'");
  write('none');
  const run = JSON.parse(readFileSync(join(TINY, 'pipeline.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'pipeline.json'), JSON.stringify({ ...run, seed: 'x' }));
  await expect(checkNetworks(folder)).rejects.toThrow('seed');
  await expect(checkNetworks(join(folder, 'unet'))).rejects.toThrow('expected unet/ or one file');
});

test('a feature that goes another way passes no cached run, and no other comparison is spoilt', async () => {
  for (const name of readdirSync(TINY)) cpSync(join(TINY, name), join(folder, name), { recursive: true });
  const path = join(folder, 'deepcache.json');
  const runs = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...runs, cases: [[3, 1]] }));
  // What was recorded for branch 1, under another branch's name.
  const recorded = readAll(join(folder, 'deepcache.safetensors'));
  rmSync(join(folder, 'deepcache.safetensors'));
  writeSafetensors(join(folder, 'deepcache.safetensors'), {
    plain: recorded.plain,
    'interval3.branch1': recorded['interval3.branch0'],
  });
  const { comparisons } = await checkNetworks(folder);
  const failed = comparisons.filter((comparison) => !isWithin(comparison)).map(({ name }) => name);
  expect(failed).toEqual(['deepcache.interval3.branch1']);
}, 90_000);

test('NaN passes no comparison', () => {
  expect(isWithin({ name: 'a', deviation: NaN, tolerance: 1, unit: 'relative' })).toBe(false);
  expect(isWithin({ name: 'a', deviation: NaN, tolerance: 1, unit: 'dB' })).toBe(false);
});
