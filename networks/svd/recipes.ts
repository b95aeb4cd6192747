import type { SvdConfiguration } from './configuration.js';

/** Trained on more frames than this, a model is an XT. */
const SHORT_FRAMES = 14;
/** As good as none: every step ends in noise of its level, and nothing but the denoised latents goes on. */
const ALL_NOISE = 1000;

/** The recipe published for SVD or SVD-XT, by the frames. */
export function trained(
  { frames, sigmaMin, sigmaMax }: SvdConfiguration,
  [outermost]: readonly (number | undefined)[],
) {
  const isLong = frames > SHORT_FRAMES;
  return {
    made: 'trained on',
    recipe: {
      steps: isLong ? 30 : 25,
      sampler: { name: 'EulerEDMSampler', s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 },
      discretization: { name: 'EDMDiscretization', sigma_min: sigmaMin, sigma_max: sigmaMax, rho: 7 },
      guider: {
        name: 'LinearPredictionGuider',
        max_cfg_scale: isLong ? 3 : 2.5,
        min_guidance_scale: isLong ? 1.5 : 1,
      },
    },
    // Align Your Steps has published levels for SVD, good at 10 steps; guidance decides little at low noise; features may be
    // cached where there are branches, at so few steps for one step at most.
    presets: {
      quality: {},
      balanced: { discretization: 'AlignYourSteps', steps: 15, guidance_sigma_min: 0.2 },
      fast: {
        discretization: 'AlignYourSteps',
        steps: 10,
        guidance_sigma_min: 0.5,
        ...(outermost === undefined ? {} : { deepcache_interval: 2, deepcache_branch: outermost }),
      },
    },
  };
}

/**
 * The recipe published for AnimateLCM-SVD-xt: 2 to 8 steps of a consistency model (Song et al. 2023), unguided. Each
 * goes to the denoised latents and back to the next level with fresh noise, as ancestral steps do whose eta is large.
 */
export const distilled = ({ sigmaMin, sigmaMax }: SvdConfiguration) => ({
  made: 'distilled to a few steps (a consistency model) for',
  recipe: {
    steps: 4,
    sampler: { name: 'EulerAncestralSampler', eta: ALL_NOISE, s_noise: 1 },
    discretization: {
      name: 'LCMDiscretization',
      sigma_min: sigmaMin,
      sigma_max: sigmaMax,
      rho: 7,
      num_timesteps: 40,
    },
    guider: { name: 'IdentityGuider' },
  },
  presets: { quality: { steps: 8 }, balanced: { steps: 4 }, fast: { steps: 2 } },
});
