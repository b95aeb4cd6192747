import { invalidImage } from './picture-errors.js';
import {
  checkSize,
  FORMAT_NAMES,
  inspectPicture,
  PICTURE_LIMITS,
  type Picture,
  type PictureLimits,
} from './picture.js';
import { sharp } from './safe-sharp.js';

/**
 * Checks a picture from outside and makes it safe for everything after: signature and header first, then the first frame
 * decoded within the limits, turned upright (EXIF), flattened on white, converted to 8-bit sRGB, stripped of metadata and
 * encoded anew as PNG.
 *
 * @param field the request field named in errors
 * @throws ServiceError `invalid_image` (400) for what is no whole PNG, JPEG, WebP or GIF; `image_too_large` (400)
 */
export const normalisePicture = async (
  bytes: Uint8Array,
  limits: PictureLimits = PICTURE_LIMITS,
  field = 'image',
): Promise<Picture> => {
  const format = inspectPicture(bytes, limits, field);
  const options = { failOn: 'error', limitInputPixels: limits.pixels, pages: 1 } as const;
  try {
    // The decoder's own reading of the header must agree: a file that is two things at once is told apart here.
    const seen = await sharp(bytes, options).metadata();
    if (seen.format !== format) throw new Error(`Decoded as ${seen.format}`);
    checkSize(seen, limits, field);
    const { data, info } = await sharp(bytes, options)
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .png({ compressionLevel: 2 })
      .timeout({ seconds: limits.seconds })
      .toBuffer({ resolveWithObject: true });
    return { png: data, width: info.width, height: info.height, format };
  } catch (error) {
    if ((error as { code?: unknown }).code === 'image_too_large') throw error;
    const slow = (error as Error).message.startsWith('timeout');
    const reason = slow ? `takes longer than ${limits.seconds} s to decode` : 'is damaged or truncated';
    throw invalidImage(`the ${FORMAT_NAMES[format]} picture ${reason}`, field, error);
  }
};
