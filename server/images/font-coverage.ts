/** Tells which characters a font has a glyph for. */
export type Coverage = (codePoint: number) => boolean;

type Reader = DataView;

/** Where a table of an OpenType file begins. */
const tableOffset = (font: Reader, name: string): number => {
  const count = font.getUint16(4);
  for (let i = 0; i < count; i++) {
    const at = 12 + 16 * i;
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((k) => font.getUint8(at + k)));
    if (tag === name) return font.getUint32(at + 8);
  }
  throw new Error(`The font has no ${name} table`);
};

/** Format 12: groups of consecutive code points, every one of them mapped. */
const segmentedCoverage = (font: Reader, at: number, into: Set<number>): void => {
  const groups = font.getUint32(at + 12);
  for (let i = 0; i < groups; i++) {
    const group = at + 16 + 12 * i;
    const last = font.getUint32(group + 4);
    for (let code = font.getUint32(group); code <= last; code++) into.add(code);
  }
};

/** Format 4: segments of the basic plane; a segment may map some of its code points to glyph 0, which is "missing". */
const basicCoverage = (font: Reader, at: number, into: Set<number>): void => {
  const doubled = font.getUint16(at + 6);
  for (let i = 0; i < doubled; i += 2) {
    const last = font.getUint16(at + 14 + i);
    const first = font.getUint16(at + 16 + doubled + i);
    const delta = font.getUint16(at + 16 + 2 * doubled + i);
    const offsetAt = at + 16 + 3 * doubled + i;
    const offset = font.getUint16(offsetAt);
    for (let code = first; code <= last && code !== 0xffff; code++) {
      const glyph = offset === 0 ? code : font.getUint16(offsetAt + offset + 2 * (code - first));
      if (glyph !== 0 && ((glyph + delta) & 0xffff) !== 0) into.add(code);
    }
  }
};

/** Reads the character map (OpenType `cmap`, formats 4 and 12) of a font file. */
export const readCoverage = (file: Uint8Array): Coverage => {
  const font = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const cmap = tableOffset(font, 'cmap');
  const covered = new Set<number>();
  const subtables = font.getUint16(cmap + 2);
  for (let i = 0; i < subtables; i++) {
    const entry = cmap + 4 + 8 * i;
    const platform = font.getUint16(entry);
    // 0: Unicode, 3: Windows; the others map old encodings.
    if (platform !== 0 && platform !== 3) continue;
    const at = cmap + font.getUint32(entry + 4);
    const format = font.getUint16(at);
    if (format === 12) segmentedCoverage(font, at, covered);
    if (format === 4) basicCoverage(font, at, covered);
  }
  return (codePoint) => covered.has(codePoint);
};
