import { deflateSync } from 'node:zlib';

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

const crc32 = (bytes: Uint8Array): number => {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};

/** One PNG chunk with its length and checksum. */
export const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
};

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export const ihdr = (width: number, height: number): Buffer => {
  const data = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  return chunk('IHDR', data);
};

/** A PNG whose header claims a size, with pixels for a few rows at most. */
export const pngOf = (width: number, height: number, extra: readonly Buffer[] = []): Buffer => {
  const rows = Buffer.alloc(Math.min(height, 64) * (1 + 3 * Math.min(width, 64)), 0);
  return Buffer.concat([
    PNG_SIGNATURE,
    ihdr(width, height),
    ...extra,
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};

/** Puts chunks right behind the header of a PNG. */
export const withChunks = (png: Buffer, extra: readonly Buffer[]): Buffer =>
  Buffer.concat([png.subarray(0, 33), ...extra, png.subarray(33)]);

/** Compressed text, or a compressed colour profile, that unpacks to `megabytes` of zeros. */
export const bombChunk = (type: 'zTXt' | 'iCCP', megabytes: number): Buffer =>
  chunk(type, Buffer.concat([Buffer.from('bomb\0\0'), deflateSync(Buffer.alloc(megabytes << 20))]));

/** A JPEG that is nothing but a start of frame of the given size. */
export const jpegHeader = (width: number, height: number): Buffer => {
  const out = Buffer.from(
    'ffd8ffe000104a46494600010100000100010000ffc0001108000000000301110002110103110100',
    'hex',
  );
  out.writeUInt16BE(height, 25);
  out.writeUInt16BE(width, 27);
  return Buffer.concat([out, Buffer.from('ffda000c03010002110311003f00', 'hex'), Buffer.alloc(64)]);
};

interface GifOptions {
  readonly screen: readonly [number, number];
  readonly frame?: readonly [number, number, number, number];
  readonly frames?: number;
  readonly palette?: boolean;
}

/** A GIF89a of single-colour frames; `frame` is left, top, width, height. */
export const gifOf = ({ screen, frame = [0, 0, 1, 1], frames = 1, palette = true }: GifOptions): Buffer => {
  const head = Buffer.from([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0, 0, 0, 0, palette ? 0x80 : 0, 0, 0]);
  head.writeUInt16LE(screen[0], 6);
  head.writeUInt16LE(screen[1], 8);
  const colours = palette ? Buffer.from([255, 0, 0, 0, 0, 255]) : Buffer.alloc(0);
  const image = Buffer.alloc(10);
  image[0] = 0x2c;
  frame.forEach((value, i) => image.writeUInt16LE(value, 1 + 2 * i));
  const one = Buffer.concat([
    Buffer.from([0x21, 0xf9, 4, 0, 1, 0, 0, 0]),
    image,
    Buffer.from([2, 2, 0x44, 0x01, 0]),
  ]);
  return Buffer.concat([head, colours, ...Array.from({ length: frames }, () => one), Buffer.from([0x3b])]);
};
