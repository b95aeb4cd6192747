import { MAX_SEED } from '../../pipeline/clip-fields.js';

/** The clip's seed for one of an API that knows larger ones: the same for the same, and itself where it is one. */
export const clipSeed = (seed: number): number => seed % (MAX_SEED + 1);
