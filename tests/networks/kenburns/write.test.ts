import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelFolderError, writeKenburns } from '../../../networks/kenburns/index.js';
import { openFile } from '../session.js';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'kenburns-'));
  folder = join(parent, 'models', 'kenburns');
});
afterEach(() => rm(parent, { recursive: true }));

const FILES = ['image-encoder.onnx', 'model.json', 'unet.onnx', 'vae-decoder.onnx', 'vae-encoder.onnx'];
interface Description {
  readonly version: string;
  readonly name: string;
  readonly description: string;
  readonly files: Record<string, string>;
  readonly abilities: unknown;
  readonly recipe: Record<'W' | 'H' | 'T', number>;
  readonly limits: Record<'W' | 'H' | 'T', number>;
  readonly picture: { readonly divisor: number };
}
const description = async () => JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as Description;
/** Changes with any entry made, renamed or removed in the folder or beside it. */
const traces = async () => {
  const [own, outer] = await Promise.all([stat(folder), stat(join(parent, 'models'))]);
  return [own.ino, own.mtimeMs, outer.mtimeMs];
};
const onlyTheModel = async () => {
  expect(await readdir(join(parent, 'models'))).toEqual(['kenburns']);
  expect((await readdir(folder)).sort()).toEqual(FILES);
};

describe('writing the embedded model', () => {
  test('makes the folder and those above it, and nothing else', async () => {
    await writeKenburns(folder);
    await onlyTheModel();
  });

  test('every graph that the description names loads, with the inputs and output of the contract', async () => {
    await writeKenburns(folder);
    const { files } = await description();
    const ports: Record<string, [string[], number]> = {
      unet: [['sample', 'timestep', 'encoder_hidden_states', 'added_time_ids'], 1],
      vae_encoder: [['image'], 1],
      vae_decoder: [['latent'], 1],
      image_encoder: [['pixel_values'], 1],
    };
    expect(Object.keys(files)).toEqual(Object.keys(ports));
    for (const [role, [inputs, outputs]] of Object.entries(ports)) {
      const session = await openFile(join(folder, files[role]));
      expect(session.inputNames).toEqual(inputs);
      expect(session.outputNames).toHaveLength(outputs);
    }
  });

  test('the description is honest: not SVD, no guidance, sizes that fit its own limits', async () => {
    await writeKenburns(folder);
    const model = await description();
    expect(model).toMatchObject({
      format: 1,
      name: 'kenburns',
      family: 'kenburns',
      scaling: 'VScalingWithEDMcNoise',
    });
    expect(model.description).toContain('not Stable Video Diffusion');
    expect(model.abilities).toEqual({ guidance: false, deepcache: [] });
    for (const key of ['W', 'H', 'T'] as const)
      expect(model.recipe[key]).toBeLessThanOrEqual(model.limits[key]);
    expect(model.recipe.W % model.picture.divisor).toBe(0);
    expect(model.recipe.H % model.picture.divisor).toBe(0);
  });

  test('leaves a model of the same version alone', async () => {
    await writeKenburns(folder);
    const before = await traces();
    await writeKenburns(folder);
    expect(await traces()).toEqual(before);
  });

  test('replaces another version, a damaged model and an empty folder', async () => {
    await writeKenburns(folder);
    const whole = await readFile(join(folder, 'unet.onnx'));
    await writeFile(join(folder, 'model.json'), JSON.stringify({ ...(await description()), version: '0' }));
    await writeKenburns(folder);
    expect((await description()).version).not.toBe('0');

    await truncate(join(folder, 'unet.onnx'), 100);
    await writeKenburns(folder);
    expect((await readFile(join(folder, 'unet.onnx'))).equals(whole)).toBe(true);

    await rm(folder, { recursive: true });
    await mkdir(folder);
    await writeKenburns(folder);
    await onlyTheModel();
  });

  test('many at once, over nothing and over an old version, leave one whole model', async () => {
    for (const old of [false, true]) {
      if (old) await writeFile(join(folder, 'model.json'), '{}');
      await Promise.all(Array.from({ length: 8 }, () => writeKenburns(folder)));
      await onlyTheModel();
      expect((await description()).name).toBe('kenburns');
    }
  });

  test('refuses a folder with anything else in it, and leaves that as it was', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'weights.data'), 'mine');
    await expect(writeKenburns(folder)).rejects.toThrow(ModelFolderError);
    await expect(writeKenburns(folder)).rejects.toThrow("it holds 'weights.data'");
    expect(await readdir(folder)).toEqual(['weights.data']);
    expect(await readdir(join(parent, 'models'))).toEqual(['kenburns']);
  });
});
