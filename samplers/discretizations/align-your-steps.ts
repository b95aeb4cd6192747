import type { Discretization } from './schedule.js';

/** Sabour et al. (2024), the list published for Stable Video Diffusion: 10 steps. */
const SVD_LEVELS = [700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002];

/**
 * AlignYourSteps for Stable Video Diffusion, at any number of steps: the published list, read at n + 1 evenly spaced
 * positions with ln sigma interpolated between its entries. The last entry gives way to the 0 that follows every
 * schedule, so 10 steps give the first ten published levels and then 0.
 */
export function alignYourSteps(): Discretization {
  const segments = SVD_LEVELS.length - 1;
  return (n) =>
    Float32Array.from({ length: n }, (_, k) => {
      const position = (segments * k) / n;
      const left = Math.floor(position);
      const part = position - left;
      if (part === 0) return SVD_LEVELS[left];
      return Math.exp((1 - part) * Math.log(SVD_LEVELS[left]) + part * Math.log(SVD_LEVELS[left + 1]));
    });
}
