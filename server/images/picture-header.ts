import type { PictureFormat } from './picture-format.js';

/** Size in pixels as the file's header gives it, before any decoder has seen the file. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** A reader throws RangeError where the file ends early, and gives undefined where it is not what it should be. */
type HeaderReader = (bytes: DataView) => PictureSize | undefined;

const tag = (bytes: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((i) => bytes.getUint8(at + i)));

/** PNG (ISO 15948): IHDR is the first chunk. */
const pngSize: HeaderReader = (bytes) =>
  bytes.getUint32(8) === 13 && tag(bytes, 12) === 'IHDR'
    ? { width: bytes.getUint32(16), height: bytes.getUint32(20) }
    : undefined;

/** Start of frame: C0 to CF but for C4 (Huffman tables), C8 (reserved) and CC (arithmetic coding). */
const isStartOfFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** Markers without a length: TEM, the restart markers, start of image. */
const isBare = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** JPEG (ITU-T T.81): segments up to the first start of frame. */
const jpegSize: HeaderReader = (bytes) => {
  let at = 2;
  for (;;) {
    if (bytes.getUint8(at) !== 0xff) return undefined;
    // Any number of FF bytes may pad a marker.
    while (bytes.getUint8(at + 1) === 0xff) at += 1;
    const marker = bytes.getUint8(at + 1);
    at += 2;
    if (isBare(marker)) continue;
    // Start of scan or end of image before a frame: there is no picture.
    if (marker === 0xda || marker === 0xd9) return undefined;
    if (isStartOfFrame(marker)) return { width: bytes.getUint16(at + 5), height: bytes.getUint16(at + 3) };
    at += bytes.getUint16(at);
  }
};

const colourTableBytes = (flags: number): number => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);

/** GIF: the logical screen, or the first frame where that reaches beyond it (decoders grow the screen to it). */
const gifSize: HeaderReader = (bytes) => {
  const screen = { width: bytes.getUint16(6, true), height: bytes.getUint16(8, true) };
  let at = 13 + colourTableBytes(bytes.getUint8(10));
  while (bytes.getUint8(at) === 0x21) {
    at += 2;
    while (bytes.getUint8(at) !== 0) at += bytes.getUint8(at) + 1;
    at += 1;
  }
  if (bytes.getUint8(at) !== 0x2c || screen.width === 0 || screen.height === 0) return undefined;
  return {
    width: Math.max(screen.width, bytes.getUint16(at + 1, true) + bytes.getUint16(at + 5, true)),
    height: Math.max(screen.height, bytes.getUint16(at + 3, true) + bytes.getUint16(at + 7, true)),
  };
};

const uint24 = (bytes: DataView, at: number): number =>
  bytes.getUint16(at, true) | (bytes.getUint8(at + 2) << 16);

/** WebP (RFC 9649): lossy, lossless or extended, told by the first chunk. */
const webpSize: HeaderReader = (bytes) => {
  switch (tag(bytes, 12)) {
    case 'VP8X':
      return { width: uint24(bytes, 24) + 1, height: uint24(bytes, 27) + 1 };
    case 'VP8L': {
      const packed = bytes.getUint32(21, true);
      return bytes.getUint8(20) === 0x2f
        ? { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
        : undefined;
    }
    case 'VP8 ':
      return uint24(bytes, 23) === 0x2a019d
        ? { width: bytes.getUint16(26, true) & 0x3fff, height: bytes.getUint16(28, true) & 0x3fff }
        : undefined;
    default:
      return undefined;
  }
};

const READERS: Readonly<Record<PictureFormat, HeaderReader>> = {
  png: pngSize,
  jpeg: jpegSize,
  gif: gifSize,
  webp: webpSize,
};

/** Reads the size of a picture from its header; undefined where the header is damaged or a side is zero. */
export const readPictureSize = (format: PictureFormat, bytes: Uint8Array): PictureSize | undefined => {
  let size: PictureSize | undefined;
  try {
    size = READERS[format](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    // DataView's own error, which may come from another realm: tell it by name.
    if ((error as Error).name !== 'RangeError') throw error;
  }
  return size && size.width > 0 && size.height > 0 ? size : undefined;
};
