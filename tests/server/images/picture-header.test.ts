import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { readPictureSize } from '../../../server/images/picture-header.js';
import { gifOf } from './hostile-files.js';

const picture = (width: number, height: number, alpha = 1) =>
  sharp({ create: { width, height, channels: 4, background: { r: 9, g: 90, b: 200, alpha } } });

test.each([
  ['png', 'png', () => picture(300, 7).png()],
  ['baseline jpeg', 'jpeg', () => picture(300, 7).jpeg()],
  [
    'progressive jpeg with metadata',
    'jpeg',
    () => picture(300, 7).withMetadata().jpeg({ progressive: true }),
  ],
  ['lossy webp', 'webp', () => picture(300, 7).removeAlpha().webp()],
  ['lossless webp', 'webp', () => picture(300, 7).webp({ lossless: true })],
  ['extended webp', 'webp', () => picture(300, 7, 0.5).webp()],
  ['gif', 'gif', () => picture(300, 7).gif()],
] as const)('the header of a %s gives its width and height', async (_, format, make) => {
  expect(readPictureSize(format, await make().toBuffer())).toEqual({ width: 300, height: 7 });
});

test('padding and bare markers before a JPEG frame are skipped', async () => {
  const bytes = await picture(300, 7).jpeg().toBuffer();
  const padded = Buffer.concat([bytes.subarray(0, 2), Buffer.from('ff01ffffff', 'hex'), bytes.subarray(2)]);
  expect(readPictureSize('jpeg', padded)).toEqual({ width: 300, height: 7 });
});

test('a GIF frame that reaches beyond the screen counts with its offset', () => {
  const bytes = gifOf({ screen: [10, 10], frame: [5, 0, 100, 8] });
  expect(readPictureSize('gif', bytes)).toEqual({ width: 105, height: 10 });
});

test('a view into a larger buffer is read from its own start', async () => {
  const bytes = await picture(300, 7).png().toBuffer();
  const inside = Buffer.concat([Buffer.alloc(11), bytes]).subarray(11);
  expect(readPictureSize('png', inside)).toEqual({ width: 300, height: 7 });
});
