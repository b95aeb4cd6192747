import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModel, type Graph } from '../../../networks/onnx/index.js';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { manifest, svdXt } from '../manifests.js';
import { tinyDecoder, tinyEncoder, tinyImageEncoder, tinyUnet } from './graphs.js';

export type TinyGraphs = Readonly<Record<keyof ModelManifest['files'], Graph>>;

/** A model of SVD's family with latents of 4 channels, a quarter of the picture's size. */
export const tinyManifest = (): ModelManifest =>
  manifest({
    name: 'tiny',
    family: 'svd',
    latent: { channels: 4, scale: 0.5, divisor: 2 },
    picture: { divisor: 8 },
    abilities: { guidance: true, deepcache: [] },
    recipe: { ...svdXt().recipe, W: 64, H: 64, T: 5, steps: 3, decoding_t: 2 },
    limits: { W: 256, H: 256, T: 50, pixels: 256 * 256 * 50 },
    preview: { matrix: Array.from({ length: 4 }, () => [1, 0, 0]), bias: [0, 0, 0] },
  });

/** Writes a whole model folder; the caller removes it. */
export function writeTinyModel(
  graphs: Partial<TinyGraphs> = {},
  changes: Partial<ModelManifest> = {},
): string {
  const folder = mkdtempSync(join(tmpdir(), 'tiny-model-'));
  const described = { ...tinyManifest(), ...changes };
  const all: TinyGraphs = {
    unet: tinyUnet(),
    vae_encoder: tinyEncoder(),
    vae_decoder: tinyDecoder(),
    image_encoder: tinyImageEncoder(),
    ...graphs,
  };
  for (const [name, graph] of Object.entries(all)) {
    const file = described.files[name as keyof TinyGraphs];
    writeFileSync(join(folder, file), encodeModel(graph, { producer: 'tests', version: '1' }));
  }
  writeFileSync(join(folder, 'model.json'), JSON.stringify(onDisk(described)));
  return folder;
}

/** In the file a component's parameters lie beside its name. */
function onDisk(described: ModelManifest): unknown {
  const { sampler, discretization, guider } = described.recipe;
  const flat = ({ name, params }: typeof sampler): unknown => ({ name, ...params });
  return {
    ...described,
    recipe: {
      ...described.recipe,
      sampler: flat(sampler),
      discretization: flat(discretization),
      guider: flat(guider),
    },
  };
}
