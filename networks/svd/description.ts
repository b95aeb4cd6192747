import type { GraphForm } from './graphs.js';
import type { SvdMemory } from './memory-needs.js';
import type { SvdConfiguration } from './configuration.js';
import { distilled, trained } from './recipes.js';

/** Names of the graphs in a model folder. */
export const SVD_FILES = {
  unet: 'unet.onnx',
  vae_encoder: 'vae-encoder.onnx',
  vae_decoder: 'vae-decoder.onnx',
  image_encoder: 'image-encoder.onnx',
} as const;

/** How a model is best sampled: as SVD was trained, or in the few steps to which its UNet was distilled (AnimateLCM). */
export type RecipeName = 'svd' | 'lcm';

export interface SvdIdentity {
  readonly recipe: RecipeName;
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly maxFrames: number;
}

/** Name of the graph that is evaluated between two evaluations of the whole UNet. */
export const shallowFile = (branch: number): string => `unet-shallow-b${branch}.onnx`;

export const TRAINED_WIDTH = 1024;
export const TRAINED_HEIGHT = 576;
/** Beyond this pictures fall apart; the trained size is the best. */
const MAX_SIDE = 1280;
const SHORT_FRAMES = 14;

/** What the graphs take. */
export interface SvdNeeds {
  /** By branch: what a shallow evaluation costs as a part of a whole one. */
  readonly costs: ReadonlyMap<number, number>;
  /** Undefined for graphs whose need is not proportional to the number of pixels. */
  readonly memory: SvdMemory | undefined;
}

/** What `model.json` says of a converted model. */
export function describeSvd(
  configuration: SvdConfiguration,
  form: GraphForm,
  identity: SvdIdentity,
  { costs, memory }: SvdNeeds,
) {
  const { unet, vae, vision, frames } = configuration;
  const sampling =
    identity.recipe === 'lcm' ? distilled(configuration) : trained(configuration, [...costs.keys()]);
  const divisor = latentDivisor(configuration);
  return {
    format: 1,
    name: identity.name,
    version: identity.version,
    family: 'svd',
    description:
      `Stable Video Diffusion, ${sampling.made} ${frames} frames; ${form.target} graphs with ${form.precision} weights` +
      (form.plain ? ', plain form for comparison.' : '.'),
    licence: identity.licence,
    precision: form.precision,
    files: SVD_FILES,
    latent: { channels: vae.latentChannels, scale: vae.scale, divisor },
    picture: { divisor: divisor * 2 ** (unet.levels.length - 1) },
    context_channels: vision.projection,
    scaling: 'VScalingWithEDMcNoise',
    abilities: { guidance: true, deepcache: [...costs.keys()] },
    shallow: Object.fromEntries(
      [...costs].map(([branch, cost]) => [
        branch,
        { file: shallowFile(branch), cost: rounded(cost), memory: memory?.shallow.get(branch) },
      ]),
    ),
    recipe: {
      W: TRAINED_WIDTH,
      H: TRAINED_HEIGHT,
      T: frames,
      fps: 6,
      motion_bucket_id: 127,
      cond_aug: 0.02,
      decoding_t: Math.min(frames, SHORT_FRAMES),
      ...sampling.recipe,
    },
    presets: sampling.presets,
    limits: {
      W: MAX_SIDE,
      H: MAX_SIDE,
      T: identity.maxFrames,
      pixels: TRAINED_WIDTH * TRAINED_HEIGHT * identity.maxFrames,
    },
    memory: memory?.graphs,
    preview: preview(vae.latentChannels),
  };
}

/** Pixels of the picture for one of the latents, on each side. */
export const latentDivisor = ({ vae }: SvdConfiguration): number => 2 ** (vae.decoder.channels.length - 1);

const rounded = (share: number): number => Number(share.toPrecision(4));

/** The linear fit of Stable Diffusion 1.5's latents to RGB, whose VAE this is: one row for each latent channel. */
const LATENT_COLOURS = [
  [0.3512, 0.2297, 0.3227],
  [0.325, 0.4974, 0.235],
  [-0.2829, 0.1762, 0.2721],
  [-0.212, -0.2616, -0.7177],
] as const;

/** The fit gives −1…1; a preview is 0…1. Channels beyond the fit's four do not show. */
const preview = (channels: number) => ({
  matrix: Array.from({ length: channels }, (_, c) =>
    (LATENT_COLOURS[c] ?? [0, 0, 0]).map((value) => value / 2),
  ),
  bias: [0.5, 0.5, 0.5],
});
