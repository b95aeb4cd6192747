import { sharp } from './safe-sharp.js';
import type { Mask } from './caption.js';

/** 8-bit sRGB, row by row, three bytes a pixel. */
export interface RgbPicture {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Levels of 255: enough to hide the steps of a slow gradient, too little to be seen as noise. */
const GRAIN = 5;
/** How much darker the corners are. */
const VIGNETTE = 0.2;

/** Film grain and darker corners, put into the picture itself. The same seed gives the same grain. */
export const finishInto = ({ data, width, height }: RgbPicture, seed: number): void => {
  let state = (seed ^ 0x9e3779b9) | 1;
  let at = 0;
  for (let y = 0; y < height; y++) {
    const dy = (2 * y) / height - 1;
    for (let x = 0; x < width; x++) {
      const dx = (2 * x) / width - 1;
      const distance = (dx * dx + dy * dy) / 2;
      const shade = 1 - VIGNETTE * distance * distance;
      // xorshift32 (Marsaglia, 2003); the sum of two bytes is a triangular distribution.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const grain = (((state & 255) + ((state >>> 8) & 255)) / 255 - 1) * GRAIN;
      for (const end = at + 3; at < end; at++) {
        const value = data[at] * shade + grain + 0.5;
        data[at] = value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
  }
};

const blur = async (mask: Mask, sigma: number): Promise<Buffer> =>
  sharp(mask.data, { raw: { width: mask.width, height: mask.height, channels: 1 } })
    .blur(sigma)
    .extractChannel(0)
    .raw()
    .toBuffer();

/** The mask with an empty margin on every side. */
const padded = ({ data, width, height }: Mask, margin: number): Mask => {
  const wide = width + 2 * margin;
  const out = new Uint8Array(wide * (height + 2 * margin));
  for (let y = 0; y < height; y++) {
    out.set(data.subarray(y * width, (y + 1) * width), (y + margin) * wide + margin);
  }
  return { data: out, width: wide, height: height + 2 * margin };
};

/**
 * Puts white letters into the picture, centred, their lowest line ending at `bottom` (pixels from the top). A close and a
 * wide shadow keep them legible on any ground. `size` is that of the letters, in pixels.
 */
export const letterInto = async (
  picture: RgbPicture,
  mask: Mask,
  { bottom, size }: { readonly bottom: number; readonly size: number },
): Promise<void> => {
  const margin = Math.ceil(size);
  const letters = padded(mask, margin);
  const [close, wide] = await Promise.all([blur(letters, size * 0.07 + 0.3), blur(letters, size * 0.5)]);
  const left = Math.round((picture.width - letters.width) / 2);
  const top = Math.round(bottom) - mask.height - margin;
  const { data, width, height } = picture;
  for (let y = Math.max(0, -top); y < letters.height && top + y < height; y++) {
    for (let x = Math.max(0, -left); x < letters.width && left + x < width; x++) {
      const from = y * letters.width + x;
      const shadow = Math.min(0.75, (close[from] / 255) * 0.55 + (wide[from] / 255) * 0.9);
      const cover = (letters.data[from] / 255) * 0.96;
      const to = ((top + y) * width + left + x) * 3;
      for (let c = 0; c < 3; c++)
        data[to + c] = data[to + c] * (1 - shadow) * (1 - cover) + 255 * cover + 0.5;
    }
  }
};
