import type { ModelManifest } from '../../pipeline/manifest.js';

/** Width and height in pixels. */
export type ClipSize = readonly [W: number, H: number];

/** The size that an API promises, where the model can make `T` frames of it, else that of the model's recipe. */
export function sizeFor([W, H]: ClipSize, T: number, { limits, picture, recipe }: ModelManifest): ClipSize {
  const fits =
    W <= limits.W &&
    H <= limits.H &&
    W * H * T <= limits.pixels &&
    [W, H].every((side) => side % picture.divisor === 0);
  return fits ? [W, H] : [recipe.W, recipe.H];
}
