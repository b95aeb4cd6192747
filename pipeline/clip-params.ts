import type { FITS, OUTPUTS } from './clip-fields.js';

/**
 * Everything that decides a clip, resolved: the wire names of the img2vid API with no value left open. The parameters
 * of the three components lie flat beside the rest, as on the wire, so that a task's `params` can be posted again.
 */
export interface ClipParams {
  readonly W: number;
  readonly H: number;
  /** Frames. */
  readonly T: number;
  /** Frame rate of the file; the model is conditioned on fps − 1. */
  readonly fps: number;
  readonly seed: number;
  readonly steps: number;
  readonly motion_bucket_id: number;
  readonly cond_aug: number;
  /** Frames decoded at a time. */
  readonly decoding_t: number;
  /** Neighbour frames decoded on either side of those and dropped. */
  readonly decoding_overlap: number;
  /** Variations, with the seeds seed, seed + 1, … */
  readonly num_cols: number;
  /** How the picture comes to the size of the clip. */
  readonly fit: (typeof FITS)[number];
  /** The files made of each variation. */
  readonly outputs: (typeof OUTPUTS)[number];
  /** Every so many steps the whole network is evaluated, in between only its outer part; 1 is always the whole one. */
  readonly deepcache_interval: number;
  /** Where the network is cut for that; left out with an interval of 1. */
  readonly deepcache_branch?: number;
  readonly sampler: string;
  readonly discretization: string;
  readonly guider: string;
  readonly [componentParameter: string]: number | string | undefined;
}
