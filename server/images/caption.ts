import { readFileSync } from 'node:fs';
import { CAPTION_FONT, ensureFontConfiguration } from './font-setup.js';
import { readCoverage } from './font-coverage.js';
import type { Coverage } from './font-coverage.js';
import { sharp } from './safe-sharp.js';

/** How much of every pixel is covered, 0 to 255, row by row. */
export interface Mask {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const MAX_LINES = 3;
/** No caption of three lines holds more. */
const MAX_CHARACTERS = 400;

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** What a reader takes for single characters: a letter with its marks is one. */
const graphemes = (text: string): readonly string[] =>
  Array.from(segmenter.segment(text), ({ segment }) => segment);

const BLANKS = /[\p{Z}\t-\r\u0085]+/gu;
const INVISIBLE = /[\p{C}\p{Variation_Selector}]/gu;

let coverage: Coverage | undefined;
const canShow = (grapheme: string): boolean => {
  coverage ??= readCoverage(readFileSync(CAPTION_FONT.file));
  const covers = coverage;
  return Array.from(grapheme.replace(INVISIBLE, '')).every((point) => covers(point.codePointAt(0) ?? 0));
};

/**
 * The part of a prompt that the caption's font can show, on one line: controls, directional overrides and every character
 * without a glyph (emoji, ideographs) are dropped, so that no box and no other font ever takes their place.
 */
export const captionText = (prompt: string): string => {
  const start = prompt.slice(0, 4 * MAX_CHARACTERS).replace(BLANKS, ' ');
  const shown = graphemes(start).filter(canShow).join('');
  return shown.replace(INVISIBLE, '').replace(/ +/g, ' ').trim();
};

const escapeMarkup = (text: string): string =>
  text.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`);

const renderText = async (text: string, size: number, width: number): Promise<Mask> => {
  const { data, info } = await sharp({
    text: {
      text: escapeMarkup(text),
      font: `${CAPTION_FONT.family} ${size}`,
      fontfile: CAPTION_FONT.file,
      // 72 dots an inch make a point a pixel.
      dpi: 72,
      width,
      align: 'centre',
      wrap: 'word-char',
    },
  })
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
};

/**
 * Sets a prompt as a caption of at most three lines, cut short with an ellipsis where it is longer. Undefined where the
 * prompt has nothing that can be shown.
 *
 * @param size of the letters, in pixels
 * @param width that no line exceeds, in pixels
 */
export const renderCaption = async (
  prompt: string,
  size: number,
  width: number,
): Promise<Mask | undefined> => {
  const text = captionText(prompt);
  if (text === '') return undefined;
  ensureFontConfiguration();
  const characters = graphemes(text);
  const cut = (length: number): string =>
    length >= characters.length ? text : `${characters.slice(0, length).join('').trimEnd()}…`;
  // DejaVu's lines are 1.164 of its size apart; a taller mask has one line more.
  const tallest = size * 1.164 * MAX_LINES + size * 0.1;
  let low = 1;
  let high = Math.min(characters.length, MAX_CHARACTERS);
  let best = await renderText(cut(high), size, width);
  if (best.height <= tallest) return best;
  // Bisection over the length: the taller of two captions is the longer one.
  best = await renderText(cut(low), size, width);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const mask = await renderText(cut(middle), size, width);
    if (mask.height <= tallest) [low, best] = [middle, mask];
    else high = middle;
  }
  return best;
};
