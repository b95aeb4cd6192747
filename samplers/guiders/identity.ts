import type { Guider } from './guider.js';

/** IdentityGuider: the conditional prediction as it is. One network row for each evaluation. */
export const identityGuider: Guider = { scales: null, needsUnconditional: () => false };
