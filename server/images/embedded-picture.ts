import { renderCaption } from './caption.js';
import { finishInto, letterInto } from './picture-finish.js';
import type { RgbPicture } from './picture-finish.js';
import type { Composition } from './picture-work.js';
import { sharp } from './safe-sharp.js';
import { composeScene } from './scenes/compose.js';

/** A camera that pans or moves in keeps the central two thirds of a picture: the caption stays within them. */
const KEPT = 0.66;
/** Letters smaller than this many pixels cannot be read, and are left out. */
const LEAST_LETTERS = 9;

const rasterise = async (svg: string): Promise<RgbPicture> => {
  const { data, info } = await sharp(Buffer.from(svg))
    .flatten({ background: '#000000' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
};

const caption = async (picture: RgbPicture, prompt: string): Promise<void> => {
  const { width, height } = picture;
  const size = Math.round(Math.min(width, height) * 0.046);
  if (size < LEAST_LETTERS) return;
  const mask = await renderCaption(prompt, size, Math.round(width * (KEPT - 0.05)));
  if (mask) await letterInto(picture, mask, { bottom: height * (0.5 + KEPT / 2) - size * 0.4, size });
};

/**
 * A landscape composed from the prompt's words and the seed, with the prompt as its caption, as PNG. Any text gives a
 * picture; the same prompt, seed and size give the same bytes.
 */
export const composePicture = async ({ prompt, seed, width, height }: Composition): Promise<Buffer> => {
  const picture = await rasterise(composeScene(prompt, seed, width, height));
  finishInto(picture, seed);
  await caption(picture, prompt);
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  return sharp(picture.data, { raw }).png({ compressionLevel: 1 }).toBuffer();
};
