import { type GuidanceInterval, type Guider, guiderOf } from './guider.js';

/** VanillaCFG: classifier-free guidance, Ho and Salimans (2022), with the same scale for every frame. */
export function vanillaCFG(cfgScale: number, frames: number, interval?: GuidanceInterval): Guider {
  return guiderOf(new Float32Array(frames).fill(cfgScale), interval);
}
