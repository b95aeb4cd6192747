import { normalisePicture } from './normalise-picture.js';
import { invalidImage } from './picture-errors.js';
import type { PictureLimits } from './picture.js';
import { sharp } from './safe-sharp.js';

/**
 * Cuts picture `cell` (1 to 4, in reading order) out of a grid of two by two. Where a side is odd, the line in the middle
 * belongs to no picture.
 *
 * @throws ServiceError as `normalisePicture`
 */
export const cropGrid = async (
  bytes: Uint8Array,
  cell: number,
  limits: PictureLimits,
  field: string,
): Promise<Buffer> => {
  const grid = await normalisePicture(bytes, limits, field);
  const width = Math.floor(grid.width / 2);
  const height = Math.floor(grid.height / 2);
  if (width === 0 || height === 0) throw invalidImage('the grid of pictures is too small to be cut', field);
  const left = (cell - 1) % 2 === 0 ? 0 : grid.width - width;
  const top = cell <= 2 ? 0 : grid.height - height;
  return sharp(grid.png).extract({ left, top, width, height }).png({ compressionLevel: 1 }).toBuffer();
};
