import type { ModelManifest } from '../../pipeline/manifest.js';

/** A model that is small, cannot be guided and allows much. */
export const manifest = (changes: Partial<ModelManifest> = {}): ModelManifest => ({
  format: 1,
  name: 'test',
  version: '1',
  family: 'kenburns',
  description: 'A model for tests',
  licence: 'MIT',
  precision: 'fp32',
  files: {
    unet: 'unet.onnx',
    vae_encoder: 'vae-encoder.onnx',
    vae_decoder: 'vae-decoder.onnx',
    image_encoder: 'image-encoder.onnx',
  },
  latent: { channels: 12, scale: 0.05, divisor: 2 },
  picture: { divisor: 8 },
  context_channels: 3,
  scaling: 'VScalingWithEDMcNoise',
  abilities: { guidance: false, deepcache: [] },
  shallow: {},
  presets: { quality: {}, fast: { steps: 3 } },
  recipe: {
    W: 512,
    H: 288,
    T: 25,
    fps: 12,
    steps: 7,
    motion_bucket_id: 127,
    cond_aug: 0,
    decoding_t: 14,
    sampler: { name: 'EulerEDMSampler', params: { s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 } },
    discretization: { name: 'EDMDiscretization', params: { sigma_min: 0.002, sigma_max: 700, rho: 7 } },
    guider: { name: 'IdentityGuider', params: {} },
  },
  limits: { W: 1024, H: 1024, T: 240, pixels: 1024 * 1024 * 25 },
  preview: {
    matrix: Array.from({ length: 12 }, () => [1, 1, 1] as [number, number, number]),
    bias: [0, 0, 0],
  },
  ...changes,
});

/** The published recipe of SVD-XT. */
export const svdXt = (): ModelManifest => {
  const base = manifest();
  return manifest({
    family: 'svd',
    picture: { divisor: 64 },
    abilities: { guidance: true, deepcache: [] },
    recipe: {
      ...base.recipe,
      W: 1024,
      H: 576,
      fps: 6,
      steps: 30,
      cond_aug: 0.02,
      guider: {
        name: 'LinearPredictionGuider',
        params: { max_cfg_scale: 3, min_guidance_scale: 1.5 },
      },
    },
  });
};

/** The same, converted with three branches. */
export const cachedSvdXt = (): ModelManifest => ({
  ...svdXt(),
  abilities: { guidance: true, deepcache: [0, 1, 3] },
  shallow: {
    '0': { file: 'unet-shallow-b0.onnx', cost: 0.085 },
    '1': { file: 'unet-shallow-b1.onnx', cost: 0.25 },
    '3': { file: 'unet-shallow-b3.onnx', cost: 0.5 },
  },
  presets: {
    quality: {},
    fast: { discretization: 'AlignYourSteps', steps: 10, guidance_sigma_min: 0.5, deepcache_interval: 2 },
  },
});

/** A consistency model. */
export const fewStep = (): ModelManifest => {
  const base = svdXt();
  const levels = { sigma_min: 0.002, sigma_max: 700, rho: 7, num_timesteps: 40 };
  return {
    ...base,
    recipe: {
      ...base.recipe,
      steps: 4,
      sampler: { name: 'EulerAncestralSampler', params: { eta: 1000, s_noise: 1 } },
      discretization: { name: 'LCMDiscretization', params: levels },
      guider: { name: 'IdentityGuider', params: {} },
    },
  };
};
