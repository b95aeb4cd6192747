import type { ModelManifest } from '../../pipeline/manifest.js';

/** The steps that hold where an API's request names none: the API's usual number, but no more than distilled weights need. */
export const defaultSteps = (usual: number, { recipe }: ModelManifest): number =>
  recipe.discretization.name === 'LCMDiscretization' ? Math.min(usual, recipe.steps) : usual;
