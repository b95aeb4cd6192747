/** Seeds of a clip are below this. */
const SEEDS = 1e9 + 1;

/** The clip's seed for one of an API that knows larger ones: the same for the same, and itself where it is one. */
export const clipSeed = (seed: number): number => seed % SEEDS;
