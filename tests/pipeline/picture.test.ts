import { afterAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import {
  fitPicture,
  framesToRgb,
  resizeRgb,
  toTensor,
  writePng,
  type Picture,
} from '../../pipeline/picture.js';
import { paint, temporaryFolder } from './media-helpers.js';

const folder = temporaryFolder();
afterAll(folder.remove);

const image = (rgb: Uint8Array, width: number, height: number) =>
  sharp(rgb, { raw: { width, height, channels: 3 } });
const at = (p: Picture, x: number, y: number) => [
  ...p.rgb.subarray((y * p.width + x) * 3, (y * p.width + x) * 3 + 3),
];

function expectColour(p: Picture, x: number, y: number, wanted: readonly number[], tolerance = 3): void {
  at(p, x, y).forEach((value, c) => expect(Math.abs(value - wanted[c])).toBeLessThanOrEqual(tolerance));
}

describe('fitPicture', () => {
  test('passes the pixels of a picture of the right size through', async () => {
    const rgb = paint(40, 30, (x, y) => [x * 6, y * 8, (x * y) % 256]);
    const png = await image(rgb, 40, 30).png().toBuffer();
    const picture = await fitPicture(png, 40, 30);
    expect(Buffer.compare(picture.rgb, rgb)).toBe(0);
    expect([picture.width, picture.height]).toEqual([40, 30]);
  });

  test('takes a path as well', async () => {
    const path = join(folder.path, 'a picture.png');
    writeFileSync(
      path,
      await image(
        paint(8, 8, () => [10, 20, 30]),
        8,
        8,
      )
        .png()
        .toBuffer(),
    );
    expectColour(await fitPicture(path, 16, 16), 8, 8, [10, 20, 30], 0);
  });

  test('stretches where it is told to: all of the picture is there, in other proportions', async () => {
    const quarters = paint(300, 100, (x, y) => [x < 150 ? 255 : 0, y < 50 ? 255 : 0, 40]);
    const stretched = await fitPicture(await image(quarters, 300, 100).png().toBuffer(), 64, 96, 'stretch');
    expect([stretched.width, stretched.height, stretched.rgb.length]).toEqual([64, 96, 64 * 96 * 3]);
    expectColour(stretched, 1, 1, [255, 255, 40]);
    expectColour(stretched, 28, 44, [255, 255, 40]);
    expectColour(stretched, 35, 51, [0, 0, 40]);
    expectColour(stretched, 62, 94, [0, 0, 40]);
  });

  test('covers and crops evenly from both ends, without distortion', async () => {
    const stripes = (i: number): readonly [number, number, number] => [[255, 0, 0], [0, 255, 0], [0, 0, 255]][i] as [number, number, number]; // prettier-ignore
    const wide = await image(
      paint(300, 100, (x) => stripes(Math.floor(x / 100))),
      300,
      100,
    )
      .png()
      .toBuffer();
    const square = await fitPicture(wide, 64, 64);
    for (const x of [3, 32, 60]) expectColour(square, x, 32, [0, 255, 0]);
    const tall = await image(
      paint(100, 300, (_, y) => stripes(Math.floor(y / 100))),
      100,
      300,
    )
      .png()
      .toBuffer();
    const flat = await fitPicture(tall, 128, 192); // two thirds of the height: half of each outer stripe is lost
    expectColour(flat, 64, 10, [255, 0, 0]);
    expectColour(flat, 64, 96, [0, 255, 0]);
    expectColour(flat, 64, 181, [0, 0, 255]);
    const disc = paint(200, 120, (x, y) =>
      Math.hypot(x - 99.5, y - 59.5) < 40 ? [255, 255, 255] : [0, 0, 0],
    );
    const fitted = await fitPicture(await image(disc, 200, 120).png().toBuffer(), 96, 96);
    const lit = (line: (i: number) => number[]) => Array.from({ length: 96 }, (_, i) => line(i)[0] > 127).filter(Boolean).length; // prettier-ignore
    expect(lit((i) => at(fitted, i, 48))).toBe(64);
    expect(lit((i) => at(fitted, 48, i))).toBe(64);
  });

  test('applies the EXIF orientation', async () => {
    // Orientation 6: the stored left edge is the top of the picture.
    const stored = image(
      paint(60, 40, (x) => (x < 30 ? [255, 0, 0] : [0, 0, 255])),
      60,
      40,
    );
    const jpeg = await stored.withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    const picture = await fitPicture(jpeg, 40, 60);
    expectColour(picture, 20, 5, [255, 0, 0], 6);
    expectColour(picture, 20, 55, [0, 0, 255], 6);
  });

  test('lays transparency on white', async () => {
    const rgba = Buffer.from(Array.from({ length: 16 * 16 }, (_, i) => (i % 16 < 8 ? [0, 0, 0, 0] : [200, 0, 0, 128])).flat()); // prettier-ignore
    const png = await sharp(rgba, { raw: { width: 16, height: 16, channels: 4 } })
      .png()
      .toBuffer();
    const picture = await fitPicture(png, 16, 16);
    expectColour(picture, 2, 8, [255, 255, 255], 0);
    expectColour(picture, 13, 8, [227, 127, 127], 2);
  });

  test('makes 8-bit sRGB of grey, 16-bit, CMYK, palette and wide-gamut pictures', async () => {
    const grey = await image(
      paint(16, 16, () => [90, 90, 90]),
      16,
      16,
    )
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expectColour(await fitPicture(grey, 16, 16), 8, 8, [90, 90, 90], 1);
    const deep = await image(
      paint(16, 16, () => [40, 120, 200]),
      16,
      16,
    )
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expectColour(await fitPicture(deep, 16, 16), 8, 8, [40, 120, 200], 1);
    const print = await image(paint(16, 16, () => [200, 120, 60]), 16, 16).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(); // prettier-ignore
    expect((await sharp(print).metadata()).channels).toBe(4);
    expectColour(await fitPicture(print, 16, 16), 8, 8, [200, 120, 60], 30);
    const few = await image(
      paint(16, 16, () => [250, 10, 130]),
      16,
      16,
    )
      .png({ palette: true })
      .toBuffer();
    expectColour(await fitPicture(few, 16, 16), 8, 8, [250, 10, 130], 1);
    const p3 = await image(
      paint(16, 16, () => [200, 60, 60]),
      16,
      16,
    )
      .withIccProfile('p3')
      .png()
      .toBuffer();
    expect((await sharp(p3).metadata()).icc).toBeDefined();
    expectColour(await fitPicture(p3, 16, 16), 8, 8, [200, 60, 60], 3);
    const stored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer();
    expect(Math.abs(stored[0] - 200)).toBeGreaterThan(5); // so the profile was needed
  });

  test('takes the first frame of an animation, and extreme proportions', async () => {
    const pages = paint(10, 30, (_, y) => (y < 10 ? [255, 0, 0] : [0, 0, 255]));
    const gif = await sharp(pages, { raw: { width: 10, height: 30, channels: 3, pageHeight: 10 } })
      .gif()
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBeGreaterThan(1);
    expectColour(await fitPicture(gif, 32, 32), 16, 28, [255, 0, 0], 6);
    const thread = await image(
      paint(1, 3000, () => [7, 8, 9]),
      1,
      3000,
    )
      .png()
      .toBuffer();
    expectColour(await fitPicture(thread, 256, 128), 200, 64, [7, 8, 9], 1);
  });

  test('refuses what is no picture, is cut off, is missing or too large', async () => {
    const noise = paint(64, 64, (x, y) => [(x * 37 + y * 91) % 256, (x * y) % 256, (x ^ y) * 3]);
    const jpeg = await image(noise, 64, 64).jpeg().toBuffer();
    const large = await sharp({ create: { width: 8000, height: 5001, channels: 3, background: 'red' } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const missing = join(folder.path, 'missing.png');
    for (const bad of [
      Buffer.alloc(0),
      Buffer.from('<html>'),
      jpeg.subarray(0, jpeg.length / 2),
      missing,
      large,
    ]) {
      await expect(fitPicture(bad, 64, 64)).rejects.toMatchObject({
        code: 'invalid_picture',
        message: 'The picture could not be decoded.',
        cause: expect.anything(),
      });
    }
  });

  test('refuses a size that is none, by name', async () => {
    await expect(fitPicture(Buffer.alloc(0), 0, 64)).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringMatching(/`width`.*from 1.*got 0/),
    });
    await expect(fitPicture(Buffer.alloc(0), 64, 1.5)).rejects.toThrow(/`height`.*1\.5/);
  });
});

describe('tensors', () => {
  test('toTensor splits the channels and maps 0…255 to −1…1', () => {
    const tensor = toTensor(Uint8Array.of(0, 255, 51, 255, 0, 204));
    const expected = [-1, 1, 1, -1, -0.6, 0.6].map((x) => expect.closeTo(x, 6));
    expect([...tensor]).toEqual(expected);
    expect(() => toTensor(new Uint8Array(4))).toThrow('in threes, got 4');
  });

  test('framesToRgb gives back the bytes of several frames', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 36, maxLength: 36 }), (bytes) => {
        const frames = new Float32Array(36); // two frames of 3×2
        frames.set(toTensor(bytes.subarray(0, 18)), 0);
        frames.set(toTensor(bytes.subarray(18)), 18);
        expect([...framesToRgb(frames, 3, 2)]).toEqual([...bytes]);
      }),
    );
  });

  test('framesToRgb clamps and rounds to the nearest level', () => {
    const level = (v: number) => (v / 255) * 2 - 1;
    const frames = Float32Array.of(-3, 1.5, level(100.4), level(100.6), level(254.6), level(-0.4));
    expect([...framesToRgb(frames, 2, 1)]).toEqual([0, 100, 255, 255, 101, 0]);
  });

  test.each([NaN, Infinity, -Infinity])('framesToRgb refuses %f in any channel', (value) => {
    for (let i = 0; i < 6; i++) {
      const frames = new Float32Array(6);
      frames[i] = value;
      expect(() => framesToRgb(frames, 2, 1)).toThrow(expect.objectContaining({ code: 'not_finite' }));
    }
  });

  test('framesToRgb refuses a length that is no whole number of frames', () => {
    expect(() => framesToRgb(new Float32Array(20), 3, 2)).toThrow('3×2, got 20');
  });
});

describe('files', () => {
  test('writePng stores the exact pixels and leaves no part behind', async () => {
    const rgb = paint(20, 10, (x, y) => [x * 12, y * 25, 77]);
    const path = join(folder.path, 'thumbnail.png');
    await writePng({ rgb, width: 20, height: 10 }, path);
    const { data, info } = await sharp(readFileSync(path)).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 20, height: 10, channels: 3 });
    expect(Buffer.compare(data, rgb)).toBe(0);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('writePng leaves nothing when it fails', async () => {
    const path = join(folder.path, 'none', 'thumbnail.png');
    await expect(writePng({ rgb: new Uint8Array(12), width: 2, height: 2 }, path)).rejects.toThrow('ENOENT');
  });

  test('resizeRgb scales to any proportion', async () => {
    const rgb = paint(40, 20, (x) => [x < 20 ? 250 : 10, 50, 50]);
    const small = await resizeRgb({ rgb, width: 40, height: 20 }, 10, 30);
    expect(small).toHaveLength(900);
    expect([small[0], small[27]]).toEqual([250, 10]);
  });
});
