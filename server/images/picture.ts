import { imageTooLarge, invalidImage } from './picture-errors.js';
import { sniffPicture } from './picture-format.js';
import type { PictureFormat } from './picture-format.js';
import { readPictureSize } from './picture-header.js';
import type { PictureSize } from './picture-header.js';
import { sharp } from './safe-sharp.js';

/** How large a picture from outside may be. */
export interface PictureLimits {
  /** Bytes of the file. */
  readonly bytes: number;
  /** Width × height. */
  readonly pixels: number;
  /** Pixels of the longer side. */
  readonly side: number;
  /** Seconds its decoding may take. */
  readonly seconds: number;
}

export const PICTURE_LIMITS: PictureLimits = {
  bytes: 20 * 2 ** 20,
  pixels: 40e6,
  side: 16384,
  seconds: 20,
};

/** A picture that passed: opaque 8-bit sRGB, upright, without metadata. */
export interface Picture {
  readonly png: Buffer;
  /** Pixels, after the orientation was applied. */
  readonly width: number;
  readonly height: number;
  /** What the file was. */
  readonly format: PictureFormat;
}

const NAMES: Readonly<Record<PictureFormat, string>> = { png: 'PNG', jpeg: 'JPEG', webp: 'WebP', gif: 'GIF' };

const mebibytes = (bytes: number): string => `${Number((bytes / 2 ** 20).toFixed(1))} MB`;
const megapixels = (pixels: number): string => `${Number((pixels / 1e6).toFixed(1))} megapixels`;

const checkSize = ({ width, height }: PictureSize, limits: PictureLimits, field: string): void => {
  const given = `it is ${width} x ${height} pixels`;
  if (Math.max(width, height) > limits.side) {
    const limit = `${limits.side} pixels a side`;
    throw imageTooLarge(`${given}, the limit is ${limit}`, field, `at most ${limit}`);
  }
  if (width * height > limits.pixels) {
    const limit = megapixels(limits.pixels);
    throw imageTooLarge(
      `${given} (${megapixels(width * height)}), the limit is ${limit}`,
      field,
      `at most ${limit}`,
    );
  }
};

/**
 * What the bytes claim to be, once their signature, length and header have passed. Nothing has been decoded yet.
 */
const inspect = (bytes: Uint8Array, limits: PictureLimits, field: string): PictureFormat => {
  if (bytes.length > limits.bytes) {
    const limit = mebibytes(limits.bytes);
    throw imageTooLarge(
      `the file has ${mebibytes(bytes.length)}, the limit is ${limit}`,
      field,
      `at most ${limit}`,
    );
  }
  const sniffed = sniffPicture(bytes);
  if ('found' in sniffed) {
    throw invalidImage(`expected PNG, JPEG, WebP or GIF, found ${sniffed.found}`, field);
  }
  const size = readPictureSize(sniffed.format, bytes);
  if (!size) throw invalidImage(`the header of the ${NAMES[sniffed.format]} file is damaged`, field);
  checkSize(size, limits, field);
  return sniffed.format;
};

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
  const format = inspect(bytes, limits, field);
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
    throw invalidImage(`the ${NAMES[format]} picture ${reason}`, field, error);
  }
};
