import sharp from 'sharp';
import type { ClipPreview } from '../pipeline/preview.js';

/** A task's preview, from the animated WebP that the service sends. */
export async function fetchPreview(request: () => Promise<Response>): Promise<ClipPreview> {
  const webp = Buffer.from(await (await request()).arrayBuffer());
  const { delay = [100] } = await sharp(webp).metadata();
  const { data, info } = await sharp(webp, { pages: -1 })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const frames = info.pages ?? 1;
  return { width: info.width, height: info.height / frames, frames, frameMs: delay[0], rgb: data };
}
