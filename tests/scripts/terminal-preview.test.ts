import { describe, expect, test } from '@jest/globals';
import type { WriteStream } from 'node:tty';
import type { ClipPreview } from '../../pipeline/preview.js';
import { frameLines, showsPictures, TerminalPreview } from '../../scripts/terminal-preview.js';

/** Two frames of 2×4: in the first every pixel's red is its index times ten, in the second it is 200. */
const preview: ClipPreview = {
  width: 2,
  height: 4,
  frames: 2,
  frameMs: 40,
  rgb: Uint8Array.from([
    ...Array.from({ length: 8 }, (_, i) => [10 * i, 0, 0]).flat(),
    ...Array.from({ length: 8 }, () => [200, 0, 0]).flat(),
  ]),
};
const cell = (upper: number, lower: number): string => `\x1b[38;2;${upper};0;0;48;2;${lower};0;0m▀`;

describe('a frame', () => {
  test('is half blocks, two pixels in each', () => {
    expect(frameLines(preview, 0, 80, 20)).toEqual([
      `${cell(0, 20)}${cell(10, 30)}\x1b[0m`,
      `${cell(40, 60)}${cell(50, 70)}\x1b[0m`,
    ]);
    expect(frameLines(preview, 1, 80, 20)[1]).toBe(`${cell(200, 200)}${cell(200, 200)}\x1b[0m`);
  });

  test('is made small enough for the terminal', () => {
    expect(frameLines(preview, 0, 80, 1)).toEqual([`${cell(0, 40)}\x1b[0m`]);
  });
});

const terminal = (facts: Partial<WriteStream> = {}) => {
  const written: string[] = [];
  const stream = {
    isTTY: true,
    columns: 80,
    rows: 24,
    write: (text: string) => written.push(text),
    ...facts,
  };
  return { stream: stream as unknown as WriteStream, written };
};

test('a terminal shows pictures when it says that it has colours, is large enough, and colours are wanted', () => {
  const { stream } = terminal();
  expect(showsPictures(stream, { COLORTERM: 'truecolor' })).toBe(true);
  expect(showsPictures(stream, {})).toBe(false);
  expect(showsPictures(stream, { COLORTERM: 'truecolor', NO_COLOR: '1' })).toBe(false);
  expect(showsPictures(terminal({ columns: 20 }).stream, { COLORTERM: '24bit' })).toBe(false);
  expect(showsPictures(terminal({ isTTY: false }).stream, { COLORTERM: '24bit' })).toBe(false);
});

test('a preview is drawn over itself above the line of the bar, and leaves nothing behind', () => {
  const { stream, written } = terminal();
  const picture = new TerminalPreview(stream);
  picture.show(preview);
  picture.show(preview);
  picture.close();
  const [room, first, second, gone] = written;
  expect(room).toBe('\n\n');
  for (const drawn of [first, second]) {
    expect(drawn.startsWith('\r\x1b[2A')).toBe(true);
    expect(drawn.split('\x1b[K\n')).toHaveLength(3);
    expect(drawn.endsWith('\x1b[K\n')).toBe(true);
  }
  expect(gone).toBe('\r\x1b[2A\x1b[J');
  expect(written).toHaveLength(4);
});
