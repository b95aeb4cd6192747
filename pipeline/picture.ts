import sharp from 'sharp';
import { writeAtomically } from './atomic-file.js';
import { PipelineError } from './errors.js';

/** 8-bit sRGB pixels, row by row, three bytes each, without padding. */
export interface Picture {
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const MAX_SIDE = 16384;
const MAX_PIXELS = 40e6;

/**
 * Brings a picture file to width × height. `cover` scales it and crops the rest evenly from both ends, so nothing is
 * distorted; `stretch` keeps all of it, but not its proportions. Lanczos, EXIF orientation applied, transparency laid on white, 8-bit sRGB, first frame of an animation. Throws
 * PipelineError `invalid_picture` where the file cannot be decoded or has more than 40 megapixels.
 */
export async function fitPicture(
  input: string | Buffer,
  width: number,
  height: number,
  fit: 'cover' | 'stretch' = 'cover',
): Promise<Picture> {
  checkSide('width', width);
  checkSide('height', height);
  try {
    const rgb = await sharp(input, { failOn: 'error', limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .resize(width, height, {
        fit: fit === 'stretch' ? 'fill' : 'cover',
        position: 'centre',
        kernel: 'lanczos3',
      })
      .flatten({ background: 'white' })
      .raw() // 8-bit sRGB of three channels, whatever came in
      .toBuffer();
    return { rgb, width, height };
  } catch (cause) {
    throw new PipelineError('invalid_picture', 'The picture could not be decoded.', { cause });
  }
}

/** Bytes to the networks' range: rgb [H,W,3] of 0…255 → [1,3,H,W] of −1…1. */
export function toTensor(rgb: Uint8Array): Float32Array {
  const plane = rgb.length / 3;
  if (!Number.isInteger(plane)) throw internal(`Expected rgb bytes in threes, got ${rgb.length}.`);
  const tensor = new Float32Array(rgb.length);
  for (let i = 0, p = 0; p < plane; p++, i += 3) {
    tensor[p] = (rgb[i] / 255) * 2 - 1;
    tensor[plane + p] = (rgb[i + 1] / 255) * 2 - 1;
    tensor[2 * plane + p] = (rgb[i + 2] / 255) * 2 - 1;
  }
  return tensor;
}

/**
 * The decoder's frames [n,3,H,W] of −1…1, clamped and rounded to bytes: rgb24 frames one after the other
 * (`subarray` gives a single one). Throws PipelineError `not_finite`, since a NaN would pass for black.
 */
export function framesToRgb(frames: Float32Array, width: number, height: number): Uint8Array {
  const plane = width * height;
  const count = frames.length / (3 * plane);
  if (!Number.isInteger(count))
    throw internal(`Expected frames of ${width}×${height}, got ${frames.length} values.`);
  const rgb = new Uint8ClampedArray(frames.length); // clamps, and rounds to nearest, ties to even
  let broken = 0; // x − x is NaN for NaN and the infinities, else 0
  for (let frame = 0; frame < count; frame++) {
    const red = frame * 3 * plane;
    const green = red + plane;
    const blue = green + plane;
    for (let p = 0, i = red; p < plane; p++, i += 3) {
      const r = frames[red + p];
      const g = frames[green + p];
      const b = frames[blue + p];
      rgb[i] = r * 127.5 + 127.5;
      rgb[i + 1] = g * 127.5 + 127.5;
      rgb[i + 2] = b * 127.5 + 127.5;
      broken += r - r + (g - g) + (b - b);
    }
  }
  if (broken !== 0)
    throw new PipelineError('not_finite', 'The decoded frames hold values that are not numbers.');
  return new Uint8Array(rgb.buffer);
}

/** Writes a picture as a PNG file that appears only when it is whole. */
export async function writePng({ rgb, width, height }: Picture, path: string): Promise<void> {
  const png = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await writeAtomically(path, png);
}

/** Scales raw pixels to exactly width × height. */
export async function resizeRgb(picture: Picture, width: number, height: number): Promise<Uint8Array> {
  if (picture.width === width && picture.height === height) return picture.rgb;
  return sharp(picture.rgb, { raw: { width: picture.width, height: picture.height, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'lanczos3' })
    .raw()
    .toBuffer();
}

function checkSide(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_SIDE) return;
  throw new PipelineError(
    'invalid_parameter',
    `Expected \`${name}\` to be an integer from 1 to ${MAX_SIDE}, got ${value}.`,
  );
}

const internal = (message: string): PipelineError => new PipelineError('internal_error', message);
