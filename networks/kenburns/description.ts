import { CONTEXT_CHANNELS, LATENT_CHANNELS, LATENT_SCALE } from './settings.js';

/** Names of the graphs in a model folder. */
export const FILES = {
  unet: 'unet.onnx',
  vae_encoder: 'vae-encoder.onnx',
  vae_decoder: 'vae-decoder.onnx',
  image_encoder: 'image-encoder.onnx',
} as const;

const NOTHING = { fixed: 0, per_pixel: 0 };

/** What `model.json` says of the embedded model. */
export const describeKenburns = (version: string) => ({
  format: 1,
  name: 'kenburns',
  version,
  family: 'kenburns',
  description:
    'Embedded camera-move model: zooms, pans, tilts and diagonals over the given picture, one of which the seed ' +
    'picks. An exact diffusion denoiser for that small set of clips, made of arithmetic alone: no trained weights, ' +
    'no moving subjects, not Stable Video Diffusion. It has no unconditional branch; the embedding, fps_id and ' +
    'cond_aug do not steer it.',
  licence: 'MIT',
  precision: 'fp32',
  files: FILES,
  latent: { channels: LATENT_CHANNELS, scale: LATENT_SCALE, divisor: 2 },
  picture: { divisor: 8 },
  context_channels: CONTEXT_CHANNELS,
  scaling: 'VScalingWithEDMcNoise',
  abilities: { guidance: false, deepcache: [] },
  recipe: {
    W: 512,
    H: 288,
    T: 25,
    fps: 12,
    steps: 7,
    motion_bucket_id: 127,
    cond_aug: 0,
    decoding_t: 14,
    sampler: { name: 'EulerEDMSampler', s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 },
    discretization: { name: 'EDMDiscretization', sigma_min: 0.002, sigma_max: 700, rho: 7 },
    guider: { name: 'IdentityGuider' },
  },
  presets: { quality: {}, balanced: { steps: 5 }, fast: { steps: 3 } },
  // 6 GB of memory at the most, 1.1 GB for the recipe.
  limits: { W: 1920, H: 1920, T: 240, pixels: 20_000_000 },
  // Half of the 300 measured for all graphs together, as much as the runtime takes beside it.
  memory: {
    unet: { fixed: 0, per_pixel: 150 },
    vae_encoder: NOTHING,
    vae_decoder: NOTHING,
    image_encoder: NOTHING,
  },
  preview: preview(),
});

/** rgb in 0 … 1 = bias + Σ_c z_c·matrix_c: the mean colour of each block of four pixels. */
function preview() {
  const share = 1 / (2 * LATENT_SCALE * 4);
  const colours = [
    [share, 0, 0],
    [0, share, 0],
    [0, 0, share],
  ];
  return {
    matrix: Array.from({ length: LATENT_CHANNELS }, (_, channel) => colours[channel % 3]),
    bias: [0.5, 0.5, 0.5],
  };
}
