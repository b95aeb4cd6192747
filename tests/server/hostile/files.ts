import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { bombChunk, chunk, gifOf, jpegHeader, pngOf, withChunks } from '../images/hostile-files.js';

/** A file that somebody may upload as a picture. */
export interface HostileFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** Whether it is a picture after all, however odd, and is to be taken. */
  readonly good: boolean;
  /** The name and the type that the upload gives it. */
  readonly fileName?: string;
  readonly type?: string;
}

const flat = (width: number, height: number, colour = '#c83214') =>
  sharp({ create: { width, height, channels: 3, background: colour } });

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/>' +
  '<image href="http://127.0.0.1:1/"/></svg>';
const XXE = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>`;
const PLAYLIST =
  '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\nconcat:http://127.0.0.1:1/|file:///etc/passwd\n';

/** An icon file whose one entry claims more than the file holds. */
const icon = Buffer.from('00000100010000000000010020000000ff7f16000000', 'hex');

const good = (name: string, bytes: Buffer, more: Partial<HostileFile> = {}): HostileFile => ({
  name,
  bytes,
  good: true,
  ...more,
});
const bad = (name: string, bytes: Buffer | string, more: Partial<HostileFile> = {}): HostileFile => ({
  name,
  bytes: Buffer.from(bytes as string),
  good: false,
  ...more,
});

async function oddPictures(): Promise<HostileFile[]> {
  const png = await flat(16, 16).png().toBuffer();
  const frames = await Promise.all(['#f00', '#00f'].map((colour) => flat(16, 8, colour).png().toBuffer()));
  const animated = (format: 'gif' | 'webp'): Promise<Buffer> =>
    sharp(frames, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
  const sixteen = sharp(new Uint16Array(8 * 8 * 3).fill(0x8080), {
    raw: { width: 8, height: 8, channels: 3 },
  });
  const turned = flat(40, 20).withMetadata({ orientation: 6 });
  const gif = await flat(8, 8).gif().toBuffer();
  return [
    good('an animated GIF', await animated('gif')),
    good('an animated WebP', await animated('webp')),
    good('an animated PNG', withChunks(png, [chunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]))])),
    good('a GIF of 10 000 frames', gifOf({ screen: [1, 1], frames: 10_000 })),
    good('EXIF orientation 6', await turned.jpeg().toBuffer()),
    good('a CMYK JPEG', await flat(16, 16).toColourspace('cmyk').jpeg().toBuffer()),
    good('a PNG of sixteen bits', await sixteen.toColourspace('rgb16').png().toBuffer()),
    good('one pixel', await flat(1, 1).png().toBuffer()),
    good('a line across', await flat(16384, 1).png().toBuffer()),
    good('a line down', await flat(1, 16384).png().toBuffer()),
    good('a GIF with a page behind it', Buffer.concat([gif, Buffer.from('<script>alert(1)</script>')])),
    good('a PNG named as a page', png, { fileName: 'x.html', type: 'text/html' }),
    good('a PNG named as a way out', png, { fileName: '../../../etc/passwd' }),
    // No header may hold these two.
    bad('a PNG with NUL in its name', png, { fileName: 'x.png\0.html' }),
    bad('a PNG with a line break in its name', png, { fileName: 'x\r\nX-Evil: 1\r\n.png' }),
    good('a PNG with a name from right to left', png, { fileName: 'x\u202egnp.exe' }),
    good('a PNG with a name of 10 kB', png, { fileName: `${'x'.repeat(10_000)}.png` }),
    // What the picture does not need is not unfolded.
    good('a PNG with a text bomb', withChunks(png, [bombChunk('zTXt', 64)])),
    good('a PNG with a colour profile bomb', withChunks(png, [bombChunk('iCCP', 64)])),
    bad('a TIFF', await flat(16, 16).tiff().toBuffer()),
    bad('an AVIF', await flat(16, 16).avif().toBuffer()),
  ];
}

const photo = readFileSync(new URL('../../data/rocket.jpg', import.meta.url));

const brokenPictures: readonly HostileFile[] = [
  bad('a PNG of 65535 × 65535', pngOf(65535, 65535)),
  bad('a PNG of 2³¹−1 × 2³¹−1', pngOf(2 ** 31 - 1, 2 ** 31 - 1)),
  bad('a JPEG of 65500 × 65500', jpegHeader(65500, 65500)),
  bad('a truncated JPEG', photo.subarray(0, photo.length / 2)),
  bad('a GIF of no width', gifOf({ screen: [0, 10] })),
  bad('a GIF that reaches beyond its screen', gifOf({ screen: [1, 1], frame: [0, 0, 60000, 60000] })),
  bad('a GIF that is a page', 'GIF89a/*<svg onload=alert(1)>*/=1;alert(1)'),
  bad('nothing', ''),
  bad('a signature alone', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')),
];

const disguises: readonly HostileFile[] = [
  bad('a HEIC', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1')),
  bad('an SVG that refers elsewhere', SVG, { fileName: 'x.png', type: 'image/png' }),
  bad('an SVG', SVG, { fileName: 'x.svg', type: 'image/svg+xml' }),
  bad('an SVG with an entity', XXE, { fileName: 'x.svg', type: 'image/svg+xml' }),
  bad('a page', '<!DOCTYPE html><script>alert(1)</script>', { fileName: 'x.png', type: 'image/png' }),
  bad('text', 'just some words', { fileName: 'x.png', type: 'image/png' }),
  bad('an icon', icon, { fileName: 'x.ico' }),
  bad('a PDF', '%PDF-1.7\n%âãÏÓ\n', { fileName: 'x.jpg' }),
  bad('an MP4', Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0isomiso2', 'latin1'), { fileName: 'x.jpg' }),
  bad('an AVI', Buffer.from('RIFF\x10\0\0\0AVI LIST', 'latin1'), { fileName: 'x.jpg' }),
  bad('a playlist', PLAYLIST, { fileName: 'x.jpg', type: 'image/jpeg' }),
  bad('a name alone', '', { fileName: '../../x.png' }),
];

/** Every file of the corpus; made anew with each call. */
export const hostileFiles = async (): Promise<HostileFile[]> => [
  ...(await oddPictures()),
  ...brokenPictures,
  ...disguises,
];

/** An upload as a browser or an attacker would send it: the file name stands in the header as it is. */
export function multipart(field: string, file: HostileFile, boundary = 'hostile'): Buffer {
  const name = (file.fileName ?? 'x.png').replaceAll('"', '%22');
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\n` +
    `Content-Type: ${file.type ?? 'image/png'}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), file.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}
