import type { ACCEPTED_FORMATS } from './picture-errors.js';

export type PictureFormat = (typeof ACCEPTED_FORMATS)[number];

/** What the first bytes of a file say it is: a picture we read, or something to be named in a refusal. */
export type Sniffed = { readonly format: PictureFormat } | { readonly found: string };

interface Signature {
  readonly at: number;
  readonly bytes: string;
}

/** One byte per character, so that signatures can be written as text. */
const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);

const matches = (bytes: Uint8Array, { at, bytes: text }: Signature): boolean =>
  latin1(bytes, at, at + text.length) === text;

const PICTURES: readonly (readonly [PictureFormat, ...Signature[]])[] = [
  ['png', { at: 0, bytes: '\x89PNG\r\n\x1a\n' }],
  ['jpeg', { at: 0, bytes: '\xff\xd8\xff' }],
  ['gif', { at: 0, bytes: 'GIF87a' }],
  ['gif', { at: 0, bytes: 'GIF89a' }],
  ['webp', { at: 0, bytes: 'RIFF' }, { at: 8, bytes: 'WEBP' }],
];

/** In order: the more telling signature comes first. */
const OTHERS: readonly (readonly [string, ...Signature[]])[] = [
  ['a PDF document', { at: 0, bytes: '%PDF' }],
  ['a TIFF picture', { at: 0, bytes: 'II*\0' }],
  ['a TIFF picture', { at: 0, bytes: 'MM\0*' }],
  ['a TIFF picture', { at: 0, bytes: 'II+\0' }],
  ['an AVIF picture', { at: 4, bytes: 'ftypavi' }],
  ['a HEIC picture', { at: 4, bytes: 'ftyphe' }],
  ['a HEIC picture', { at: 4, bytes: 'ftypmif1' }],
  ['a HEIC picture', { at: 4, bytes: 'ftypmsf1' }],
  ['an MP4 or QuickTime video', { at: 4, bytes: 'ftyp' }],
  ['an AVI video', { at: 0, bytes: 'RIFF' }, { at: 8, bytes: 'AVI ' }],
  ['a WebM or Matroska video', { at: 0, bytes: '\x1a\x45\xdf\xa3' }],
  ['an HLS playlist', { at: 0, bytes: '#EXTM3U' }],
  ['an icon file', { at: 0, bytes: '\0\0\x01\0' }],
  ['a Windows bitmap', { at: 0, bytes: 'BM' }],
  ['a Photoshop document', { at: 0, bytes: '8BPS' }],
  ['a JPEG XL picture', { at: 0, bytes: '\xff\x0a' }],
  ['a JPEG XL picture', { at: 4, bytes: 'JXL ' }],
  ['a JPEG 2000 picture', { at: 4, bytes: 'jP  ' }],
  ['a zip archive', { at: 0, bytes: 'PK\x03\x04' }],
  ['gzip-compressed data', { at: 0, bytes: '\x1f\x8b' }],
];

/** Bytes below a blank that text may contain: tab, line feed, form feed, carriage return. */
// eslint-disable-next-line no-control-regex
const NOT_TEXT = /[\x00-\x08\x0b\x0e-\x1f\x7f]/;

const nameText = (head: string): string | undefined => {
  if (NOT_TEXT.test(head)) return undefined;
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (/<svg[\s>]/i.test(text)) return 'an SVG drawing';
  if (/^<(?:!doctype html|html|head|body|script)/i.test(text)) return 'an HTML page';
  if (text.startsWith('<')) return 'an XML document';
  return 'text';
};

/** Tells from its first bytes what a file is. Names, endings and declared types are never asked. */
export const sniffPicture = (bytes: Uint8Array): Sniffed => {
  if (bytes.length === 0) return { found: 'an empty file' };
  for (const [format, ...signatures] of PICTURES) {
    if (signatures.every((signature) => matches(bytes, signature))) return { format };
  }
  for (const [found, ...signatures] of OTHERS) {
    if (signatures.every((signature) => matches(bytes, signature))) return { found };
  }
  return { found: nameText(latin1(bytes, 0, 4096)) ?? 'data of an unknown kind' };
};
