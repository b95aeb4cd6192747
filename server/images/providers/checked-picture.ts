import { normalisePicture, type Picture, type PictureLimits } from '../picture.js';
import { ServiceError } from '../../errors.js';
import { sharp } from '../safe-sharp.js';
import { badAnswer } from './provider-error.js';

/** Checks a picture that a provider made as any picture from outside. @throws ProviderError `provider_bad_answer` */
export const checkMadePicture = async (bytes: Uint8Array, limits: PictureLimits): Promise<Picture> => {
  try {
    return await normalisePicture(bytes, limits, 'prompt');
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw badAnswer(`a picture that cannot be used: ${error.message}`, 'never');
  }
};

/**
 * Cuts picture `index` (1 to 4, in reading order) out of a grid of two by two. Where a side is odd, the line in the middle
 * belongs to no picture.
 */
export const cropGrid = async (bytes: Uint8Array, index: number, limits: PictureLimits): Promise<Buffer> => {
  const grid = await checkMadePicture(bytes, limits);
  const width = Math.floor(grid.width / 2);
  const height = Math.floor(grid.height / 2);
  if (width === 0 || height === 0) throw badAnswer('a grid of pictures too small to be cut', 'never');
  const left = (index - 1) % 2 === 0 ? 0 : grid.width - width;
  const top = index <= 2 ? 0 : grid.height - height;
  return sharp(grid.png).extract({ left, top, width, height }).png({ compressionLevel: 1 }).toBuffer();
};
