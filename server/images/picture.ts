import { imageTooLarge, invalidImage } from './picture-errors.js';
import { sniffPicture } from './picture-format.js';
import type { PictureFormat } from './picture-format.js';
import { readPictureSize } from './picture-header.js';
import type { PictureSize } from './picture-header.js';

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

/** The formats as messages name them. */
export const FORMAT_NAMES: Readonly<Record<PictureFormat, string>> = {
  png: 'PNG',
  jpeg: 'JPEG',
  webp: 'WebP',
  gif: 'GIF',
};

const mebibytes = (bytes: number): string => `${Number((bytes / 2 ** 20).toFixed(1))} MB`;
const megapixels = (pixels: number): string => `${Number((pixels / 1e6).toFixed(1))} megapixels`;

/** @throws ServiceError `image_too_large` (400) */
export const checkSize = ({ width, height }: PictureSize, limits: PictureLimits, field: string): void => {
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
 *
 * @param field the request field named in errors
 * @throws ServiceError `invalid_image` (400) for what is no PNG, JPEG, WebP or GIF; `image_too_large` (400)
 */
export const inspectPicture = (bytes: Uint8Array, limits: PictureLimits, field: string): PictureFormat => {
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
  if (!size) throw invalidImage(`the header of the ${FORMAT_NAMES[sniffed.format]} file is damaged`, field);
  checkSize(size, limits, field);
  return sniffed.format;
};
