import { renderCaption } from './caption.js';
import { finishInto, letterInto } from './picture-finish.js';
import type { RgbPicture } from './picture-finish.js';
import { sharp } from './safe-sharp.js';
import { composeScene } from './scenes/compose.js';
import type { PictureProvider, PictureRequest } from './source.js';

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

const NOTE =
  'No image provider is configured: the picture was composed from the words of the prompt by the embedded picture source';

/**
 * The picture source that needs nothing: a landscape composed from the prompt's words and the seed, with the prompt as its
 * caption. Any text gives a picture; the same prompt, seed and size give the same bytes.
 */
export const embeddedPicture: PictureProvider = {
  name: 'embedded',
  placeholder: true,
  async make(prompt: string, { seed, width, height, signal, onProgress }: PictureRequest) {
    signal?.throwIfAborted();
    const picture = await rasterise(composeScene(prompt, seed, width, height));
    signal?.throwIfAborted();
    onProgress?.(0.6);
    finishInto(picture, seed);
    await caption(picture, prompt);
    signal?.throwIfAborted();
    onProgress?.(0.8);
    const bytes = await sharp(picture.data, {
      raw: { width: picture.width, height: picture.height, channels: 3 },
    })
      .png({ compressionLevel: 1 })
      .toBuffer();
    onProgress?.(1);
    return { bytes, note: NOTE };
  },
};
