import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32, log32, sqrt32, square32 } from '../float32.js';

/** What turns a network into a denoiser at one sigma: D = cOut * N(cIn * x, cNoise) + cSkip * x. All float32. */
export interface Coefficients {
  readonly cSkip: number;
  readonly cOut: number;
  readonly cIn: number;
  readonly cNoise: number;
}

/** Coefficients at a sigma (float32, above 0). */
export type Scaling = (sigma: number) => Coefficients;

/** EDMScaling. Karras et al. (2022), table 1; `sigmaData` is the standard deviation of the data. */
export function edmScaling(sigmaData = 0.5): Scaling {
  if (!(sigmaData > 0 && sigmaData < Infinity)) {
    throw new InvalidParameterError('sigma_data', sigmaData, 'a number above 0');
  }
  const variance = f32(sigmaData ** 2);
  return (sigma) => {
    const total = f32(square32(sigma) + variance);
    return {
      cSkip: f32(variance / total),
      cOut: f32(f32(sigma * f32(sigmaData)) / sqrt32(total)),
      cIn: f32(1 / sqrt32(total)),
      cNoise: f32(0.25 * log32(sigma)),
    };
  };
}

/** EpsScaling: the network predicts the noise, as in DDPM. */
export const epsScaling: Scaling = (sigma) => ({
  cSkip: 1,
  cOut: -sigma,
  cIn: f32(1 / sqrt32(f32(square32(sigma) + 1))),
  cNoise: sigma,
});

/** VScaling: the network predicts the velocity of Salimans and Ho (2022). */
export const vScaling: Scaling = (sigma) => {
  const total = f32(square32(sigma) + 1);
  return {
    cSkip: f32(1 / total),
    cOut: f32(-sigma / sqrt32(total)),
    cIn: f32(1 / sqrt32(total)),
    cNoise: sigma,
  };
};

/** VScalingWithEDMcNoise, the scaling of Stable Video Diffusion: velocity, told the noise as ln(sigma) / 4. */
export const vScalingWithEDMcNoise: Scaling = (sigma) => ({
  ...vScaling(sigma),
  cNoise: f32(0.25 * log32(sigma)),
});
