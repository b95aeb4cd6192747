import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { ServiceError } from '../../../server/errors.js';
import { normalisePicture } from '../../../server/images/normalise-picture.js';
import { PICTURE_LIMITS } from '../../../server/images/picture.js';
import { bombChunk, chunk, gifOf, jpegHeader, pngOf, PNG_SIGNATURE, withChunks } from './hostile-files.js';

type Rgb = readonly [number, number, number];

/** A flat picture, or one whose left half is red and right half is blue. */
const flat = (width: number, height: number, colour: string) =>
  sharp({ create: { width, height, channels: 3, background: colour } });
const halves = async (width: number, height: number): Promise<Buffer> =>
  flat(width, height, '#f00')
    .composite([
      {
        input: await flat(width / 2, height, '#00f')
          .png()
          .toBuffer(),
        left: width / 2,
        top: 0,
      },
    ])
    .png()
    .toBuffer();

const noise = (width: number, height: number) =>
  sharp(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 13) & 255),
    { raw: { width, height, channels: 3 } },
  );

const pixel = async (png: Buffer, x: number, y: number): Promise<Rgb> => {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (y * info.width + x) * info.channels;
  return [data[at], data[at + 1], data[at + 2]];
};

const near = (given: Rgb, expected: Rgb, tolerance = 6): boolean =>
  given.every((value, i) => Math.abs(value - expected[i]) <= tolerance);

const refusal = async (bytes: Uint8Array, limits = PICTURE_LIMITS): Promise<ServiceError> => {
  const outcome = await normalisePicture(bytes, limits, 'image_url').then(
    ({ format, width, height }) => `accepted as ${format} ${width}x${height}`,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(ServiceError);
  return outcome as ServiceError;
};

describe('accepted pictures', () => {
  test.each(['png', 'jpeg', 'webp', 'gif'] as const)(
    '%s becomes an opaque 8-bit sRGB PNG',
    async (format) => {
      const bytes = await flat(40, 20, '#c83214').toFormat(format).toBuffer();
      const picture = await normalisePicture(bytes);
      expect(picture).toMatchObject({ width: 40, height: 20, format });
      const meta = await sharp(picture.png).metadata();
      expect(meta).toMatchObject({
        format: 'png',
        space: 'srgb',
        depth: 'uchar',
        channels: 3,
        hasAlpha: false,
      });
      expect(near(await pixel(picture.png, 20, 10), [200, 50, 20])).toBe(true);
    },
  );

  test('EXIF orientation 6 is applied and then gone', async () => {
    const bytes = await sharp(await halves(40, 20))
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const { png, width, height } = await normalisePicture(bytes);
    expect([width, height]).toEqual([20, 40]);
    expect(near(await pixel(png, 10, 5), [255, 0, 0])).toBe(true);
    expect(near(await pixel(png, 10, 35), [0, 0, 255])).toBe(true);
    const meta = await sharp(png).metadata();
    expect([meta.orientation, meta.exif, meta.icc, meta.xmp]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('metadata does not survive', async () => {
    const bytes = await flat(8, 8, '#123456')
      .withExif({ IFD0: { Copyright: 'private words' } })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">private words</x:xmpmeta>')
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const text = chunk('tEXt', Buffer.from('Comment\0private words'));
    const { png } = await normalisePicture(withChunks(bytes, [text]));
    expect(png.includes('private words')).toBe(false);
    expect(png.includes('iCCP')).toBe(false);
  });

  test('transparency is flattened on white', async () => {
    const bytes = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    const { png } = await normalisePicture(bytes);
    expect(near(await pixel(png, 4, 4), [127, 127, 127], 2)).toBe(true);
  });

  test('CMYK becomes sRGB', async () => {
    const bytes = await flat(16, 16, '#f00').toColourspace('cmyk').jpeg().toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    const [r, g, b] = await pixel((await normalisePicture(bytes)).png, 8, 8);
    expect(r).toBeGreaterThan(200);
    expect(Math.max(g, b)).toBeLessThan(60);
  });

  test('sixteen bits become eight', async () => {
    const values = new Uint16Array(8 * 8 * 3).fill(0x8080);
    const bytes = await sharp(values, { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe('ushort');
    const { png } = await normalisePicture(bytes);
    expect((await sharp(png).metadata()).depth).toBe('uchar');
    expect(await pixel(png, 4, 4)).toEqual([128, 128, 128]);
  });

  test('grey and palette pictures become three channels', async () => {
    const grey = await flat(8, 8, '#777').toColourspace('b-w').png().toBuffer();
    const palette = await flat(8, 8, '#777').png({ palette: true }).toBuffer();
    for (const bytes of [grey, palette]) {
      const { png } = await normalisePicture(bytes);
      expect((await sharp(png).metadata()).channels).toBe(3);
      expect(near(await pixel(png, 0, 0), [119, 119, 119], 1)).toBe(true);
    }
  });

  test.each(['gif', 'webp'] as const)('of an animated %s the first frame is taken', async (format) => {
    const frames = await Promise.all(['#f00', '#00f'].map((colour) => flat(16, 8, colour).png().toBuffer()));
    const bytes = await sharp(frames, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    const { png, height } = await normalisePicture(bytes);
    expect(height).toBe(8);
    expect(near(await pixel(png, 4, 4), [255, 0, 0], 10)).toBe(true);
  });

  test('of an animated PNG the still picture is taken', async () => {
    const actl = chunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]));
    const bytes = withChunks(await flat(8, 8, '#0f0').png().toBuffer(), [actl]);
    expect(near(await pixel((await normalisePicture(bytes)).png, 1, 1), [0, 255, 0], 1)).toBe(true);
  });

  test('a GIF of 10 000 frames gives its first', async () => {
    const picture = await normalisePicture(gifOf({ screen: [1, 1], frames: 10_000 }));
    expect([picture.width, picture.height]).toEqual([1, 1]);
  });

  test.each([
    [1, 1],
    [16384, 1],
    [1, 16384],
    [3000, 2],
  ])('%i x %i pixels are a picture', async (width, height) => {
    const picture = await normalisePicture(await flat(width, height, '#abc').png().toBuffer());
    expect([picture.width, picture.height]).toEqual([width, height]);
  });

  test('script behind a picture is dropped with everything else that is no pixel', async () => {
    const gif = await flat(8, 8, '#f00').gif().toBuffer();
    const { png } = await normalisePicture(
      Buffer.concat([gif, Buffer.from('<script>alert(1)</script><svg/>')]),
    );
    expect(png.includes('script')).toBe(false);
  });
});

describe('refused by signature', () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
  const xxe = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>${svg}`;
  const cases: readonly (readonly [string, string | Buffer])[] = [
    ['an empty file', ''],
    ['an SVG drawing', svg],
    ['an SVG drawing', xxe],
    ['an SVG drawing', `\ufeff  ${svg}`],
    ['an HTML page', '<!DOCTYPE html><html><script>alert(1)</script></html>'],
    ['an XML document', '<?xml version="1.0"?><rss/>'],
    ['text', 'just some words\n'],
    ['text', '{"error":"not found"}'],
    ['an HLS playlist', '#EXTM3U\n#EXTINF:1,\nconcat:file:///etc/passwd\n'],
    ['a PDF document', '%PDF-1.7\n'],
    ['an icon file', Buffer.from('0000010001001010000001002000', 'hex')],
    ['a Windows bitmap', Buffer.from('424d3a000000', 'hex')],
    ['an MP4 or QuickTime video', Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0', 'latin1')],
    ['a HEIC picture', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1')],
    ['an AVI video', Buffer.from('RIFF\x10\0\0\0AVI LIST', 'latin1')],
    ['a WebM or Matroska video', Buffer.from('1a45dfa3010000', 'hex')],
    ['gzip-compressed data', Buffer.from('1f8b0800000000', 'hex')],
    ['a zip archive', Buffer.from('PK\x03\x04\x14\0', 'latin1')],
    ['data of an unknown kind', Buffer.from([1, 2, 3, 4])],
    ['data of an unknown kind', Buffer.alloc(5000)],
  ];
  test.each(cases)('%s is named and refused (%#)', async (found, content) => {
    const error = await refusal(Buffer.from(content as string));
    expect([error.status, error.code, error.field]).toEqual([400, 'invalid_image', 'image_url']);
    expect(error.message).toBe(`Invalid image file: expected PNG, JPEG, WebP or GIF, found ${found}`);
  });

  test.each([
    ['tiff', 'a TIFF picture'],
    ['avif', 'an AVIF picture'],
  ] as const)('a real %s is refused', async (format, found) => {
    const bytes = await flat(16, 16, '#f00').toFormat(format).toBuffer();
    expect((await refusal(bytes)).message).toContain(`found ${found}`);
  });
});

test('a format that slips past the signatures finds no decoder', async () => {
  const tiff = await flat(16, 16, '#f00').tiff().toBuffer();
  const avif = await flat(16, 16, '#f00').avif().toBuffer();
  for (const bytes of [tiff, avif]) await expect(sharp(bytes).metadata()).rejects.toThrow();
});

describe('refused by size, before decoding', () => {
  test.each([
    ['PNG of 65535 x 65535', pngOf(65535, 65535), '65535 x 65535', '16384 pixels a side'],
    ['PNG of 2^31-1', pngOf(2 ** 31 - 1, 2 ** 31 - 1), '2147483647', '16384 pixels a side'],
    ['JPEG of 65500 x 65500', jpegHeader(65500, 65500), '65500 x 65500', '16384 pixels a side'],
    ['GIF of 65535 x 65535', gifOf({ screen: [65535, 65535] }), '65535 x 65535', '16384 pixels a side'],
    [
      'GIF with a frame beyond its screen',
      gifOf({ screen: [1, 1], frame: [0, 0, 60000, 60000] }),
      '60000 x 60000',
      '16384 pixels a side',
    ],
    ['PNG of 100 megapixels', pngOf(10000, 10000), '100 megapixels', '40 megapixels'],
    ['PNG one pixel too long', pngOf(16385, 1), '16385 x 1', '16384 pixels a side'],
  ])('%s', async (_, bytes, given, limit) => {
    const error = await refusal(bytes);
    expect([error.status, error.code]).toEqual([400, 'image_too_large']);
    expect(error.message).toContain(given);
    expect(error.message).toContain(limit);
  });

  test('WebP of 16384 x 16384, lossless and extended', async () => {
    const lossless = Buffer.from('RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\x0f', 'latin1');
    const extended = Buffer.from('RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0', 'latin1');
    for (const bytes of [lossless, extended]) {
      expect((await refusal(Buffer.concat([bytes, Buffer.alloc(16)]))).message).toContain('16384 x 16384');
    }
  });

  test('the number of bytes is limited, and the limit itself is allowed', async () => {
    const bytes = await noise(64, 64).png().toBuffer();
    const error = await refusal(bytes, { ...PICTURE_LIMITS, bytes: bytes.length - 1 });
    expect([error.status, error.code]).toEqual([400, 'image_too_large']);
    expect(error.message).toMatch(/limit is \d/);
    await expect(normalisePicture(bytes, { ...PICTURE_LIMITS, bytes: bytes.length })).resolves.toBeDefined();
  });

  test('limits are the given ones, and a picture at the limit passes', async () => {
    const bytes = await flat(100, 50, '#fff').png().toBuffer();
    await expect(
      normalisePicture(bytes, { ...PICTURE_LIMITS, pixels: 5000, side: 100 }),
    ).resolves.toBeDefined();
    expect((await refusal(bytes, { ...PICTURE_LIMITS, pixels: 4999 })).code).toBe('image_too_large');
    expect((await refusal(bytes, { ...PICTURE_LIMITS, side: 99 })).code).toBe('image_too_large');
  });
});

describe('refused as damaged', () => {
  test.each(['png', 'jpeg', 'webp', 'gif'] as const)('a truncated %s, wherever it ends', async (format) => {
    const bytes = await noise(96, 64).toFormat(format).toBuffer();
    for (const share of [0.05, 0.3, 0.6, 0.9]) {
      const error = await refusal(bytes.subarray(0, Math.ceil(bytes.length * share)));
      expect(error.code).toBe('invalid_image');
      expect(error.message).toMatch(/^Invalid image file: /);
    }
  });

  test.each(['\x89PNG\r\n\x1a\n', '\xff\xd8\xff', 'GIF89a', 'RIFF\0\0\0\0WEBP'])(
    'a file that is its signature alone (%j)',
    async (signature) => {
      expect((await refusal(Buffer.from(signature, 'latin1'))).message).toMatch(
        /header of the \w+ file is damaged/,
      );
    },
  );

  test.each([
    ['PNG of no width', pngOf(0, 10)],
    ['PNG without a header chunk', Buffer.concat([PNG_SIGNATURE, chunk('IDAT', Buffer.alloc(20))])],
    ['PNG that ends behind its header', pngOf(64, 64).subarray(0, 33)],
    ['GIF of no width', gifOf({ screen: [0, 10] })],
    ['GIF of no height', gifOf({ screen: [10, 0] })],
    ['GIF without a frame', gifOf({ screen: [10, 10], frames: 0 })],
    ['JPEG of no height', jpegHeader(10, 0)],
    ['JPEG without pixels', jpegHeader(64, 64).subarray(0, 60)],
    ['GIF that is HTML', Buffer.from('GIF89a/*<svg onload=alert(1)>*/=1;alert(1)')],
    ['GIF that is SVG', Buffer.from('GIF89a<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ])('%s', async (_, bytes) => {
    expect((await refusal(bytes)).code).toBe('invalid_image');
  });

  test('a PNG with a flipped byte in its pixels', async () => {
    const bytes = await noise(64, 64).png().toBuffer();
    const at = bytes.indexOf('IDAT') + 400;
    bytes[at] ^= 0x55;
    expect((await refusal(bytes)).message).toBe(
      'Invalid image file: the PNG picture is damaged or truncated',
    );
  });

  test.each(['zTXt', 'iCCP'] as const)('a %s bomb of 256 MB does not unfold', async (type) => {
    const bytes = withChunks(await flat(16, 16, '#f00').png().toBuffer(), [bombChunk(type, 256)]);
    expect(bytes.length).toBeLessThan(2 ** 20);
    // In kilobytes, and never falling: making the bomb has already raised it, so this sees only what comes on top.
    const before = process.resourceUsage().maxRSS;
    await normalisePicture(bytes).catch((error: unknown) => {
      expect((error as ServiceError).code).toBe('invalid_image');
    });
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024);
  });
});
