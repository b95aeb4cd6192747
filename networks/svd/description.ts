import type { GraphForm } from './graphs.js';
import type { SvdConfiguration } from './configuration.js';

/** Names of the graphs in a model folder. */
export const SVD_FILES = {
  unet: 'unet.onnx',
  vae_encoder: 'vae-encoder.onnx',
  vae_decoder: 'vae-decoder.onnx',
  image_encoder: 'image-encoder.onnx',
} as const;

export interface SvdIdentity {
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
/** Trained on more frames than this, a model is an XT. */
const SHORT_FRAMES = 14;

/**
 * What `model.json` says of a converted model. The recipe is the one published for SVD or SVD-XT, by the frames.
 * @param costs by branch: what a shallow evaluation costs as a part of a whole one
 */
export function describeSvd(
  configuration: SvdConfiguration,
  form: GraphForm,
  identity: SvdIdentity,
  costs: ReadonlyMap<number, number>,
) {
  const { unet, vae, vision, frames, sigmaMin, sigmaMax } = configuration;
  const isLong = frames > SHORT_FRAMES;
  const divisor = latentDivisor(configuration);
  return {
    format: 1,
    name: identity.name,
    version: identity.version,
    family: 'svd',
    description:
      `Stable Video Diffusion, trained on ${frames} frames; ${form.target} graphs with ${form.precision} weights` +
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
      [...costs].map(([branch, cost]) => [branch, { file: shallowFile(branch), cost: rounded(cost) }]),
    ),
    recipe: {
      W: TRAINED_WIDTH,
      H: TRAINED_HEIGHT,
      T: frames,
      fps: 6,
      steps: isLong ? 30 : 25,
      motion_bucket_id: 127,
      cond_aug: 0.02,
      decoding_t: Math.min(frames, SHORT_FRAMES),
      sampler: { name: 'EulerEDMSampler', s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 },
      discretization: { name: 'EDMDiscretization', sigma_min: sigmaMin, sigma_max: sigmaMax, rho: 7 },
      guider: {
        name: 'LinearPredictionGuider',
        max_cfg_scale: isLong ? 3 : 2.5,
        min_guidance_scale: isLong ? 1.5 : 1,
      },
    },
    presets: presets([...costs.keys()]),
    limits: {
      W: MAX_SIDE,
      H: MAX_SIDE,
      T: identity.maxFrames,
      pixels: TRAINED_WIDTH * TRAINED_HEIGHT * identity.maxFrames,
    },
    preview: preview(vae.latentChannels),
  };
}

/**
 * Ways to spend less time. Align Your Steps has published levels for this model, good at 10 steps; guidance decides little
 * at low noise; features may be cached where there are branches, at few steps for one step at most.
 */
const presets = ([outermost]: readonly (number | undefined)[]) => ({
  quality: {},
  balanced: { discretization: 'AlignYourSteps', steps: 15, guidance_sigma_min: 0.2 },
  fast: {
    discretization: 'AlignYourSteps',
    steps: 10,
    guidance_sigma_min: 0.5,
    ...(outermost === undefined ? {} : { deepcache_interval: 2, deepcache_branch: outermost }),
  },
});

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
