import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { captionText, renderCaption } from '../../../server/images/caption.js';
import type { Mask } from '../../../server/images/caption.js';
import { readCoverage } from '../../../server/images/font-coverage.js';
import { CAPTION_FONT, ensureFontConfiguration } from '../../../server/images/font-setup.js';

const SIZE = 24;
const WIDTH = 400;

/** Rows of the mask with ink, joined into runs: one for each line of capitals without descenders. */
const lines = ({ data, width, height }: Mask): number => {
  let count = 0;
  let inside = false;
  for (let y = 0; y < height; y++) {
    const ink = data.subarray(y * width, (y + 1) * width).some((value) => value > 40);
    if (ink && !inside) count += 1;
    inside = ink;
  }
  return count;
};

const render = async (text: string): Promise<Mask> => {
  const mask = await renderCaption(text, SIZE, WIDTH);
  if (!mask) throw new Error('no caption');
  return mask;
};

describe('what is kept of a prompt', () => {
  test.each([
    ['a  fox\n in\tthe woods ', 'a fox in the woods'],
    ['🦊 a fox 狐 runs 🏃‍♀️', 'a fox runs'],
    ['Ωmega привет مرحبا', 'Ωmega привет مرحبا'],
    ['\u202eabc\u2066d\u200be\ufeff\0f\x1b', 'abcdef'],
    ['<b>&amp;</b>', '<b>&amp;</b>'],
    ['🦊狐', ''],
    ['a\ud83e', 'a'],
  ])('of %j it is %j', (prompt, kept) => {
    expect(captionText(prompt)).toBe(kept);
  });
});

describe('the caption', () => {
  test('keeps within its width and three lines, for words and for one endless word', async () => {
    for (const text of ['WORD '.repeat(1600), 'X'.repeat(8000)]) {
      const mask = await render(text);
      expect(mask.width).toBeLessThanOrEqual(WIDTH);
      expect(mask.width).toBeGreaterThan(WIDTH * 0.7);
      expect(lines(mask)).toBe(3);
    }
  });

  test('that fits is not cut: a fourth line is what brings the ellipsis', async () => {
    const three = await render('WORD '.repeat(12));
    expect(lines(three)).toBeLessThanOrEqual(3);
    // The same words again, with and without one that makes no difference behind the cut.
    const long = await render(`${'WORD '.repeat(100)}ONE`);
    const longer = await render(`${'WORD '.repeat(100)}TWO`);
    expect(Buffer.from(long.data).equals(Buffer.from(longer.data))).toBe(true);
  });

  test('draws markup as the characters it consists of', async () => {
    const [bold, plain] = [await render('<b>AAA</b>'), await render('AAA')];
    expect(bold.width).toBeGreaterThan(plain.width * 2);
    await expect(render('&lt; </span> &bogus; "quoted" \'x\'')).resolves.toBeDefined();
  });

  test('is nothing where the prompt has nothing to show', async () => {
    expect(await renderCaption(' 🦊 \u200b', SIZE, WIDTH)).toBeUndefined();
  });
});

describe('the font', () => {
  const covers = readCoverage(readFileSync(CAPTION_FONT.file));

  test.each(['A', 'z', 'é', 'Ж', 'ש', 'ع', '…', '€', '𝔸'])('has %s', (character) => {
    expect(covers(character.codePointAt(0) ?? 0)).toBe(true);
  });

  test.each(['狐', '🦊', 'あ', '한', '\u0000', '\uffff'])('lacks %j', (character) => {
    expect(covers(character.codePointAt(0) ?? 0)).toBe(false);
  });

  describe('without a font configuration', () => {
    const before = { ...process.env };
    beforeEach(() => {
      process.env.FONTCONFIG_FILE = '/nowhere/fonts.conf';
    });
    afterEach(() => {
      if (before.FONTCONFIG_FILE === undefined) delete process.env.FONTCONFIG_FILE;
      else process.env.FONTCONFIG_FILE = before.FONTCONFIG_FILE;
    });

    test('gets an empty one, once', () => {
      ensureFontConfiguration();
      const made = process.env.FONTCONFIG_FILE ?? '';
      expect(existsSync(made)).toBe(true);
      ensureFontConfiguration();
      expect(process.env.FONTCONFIG_FILE).toBe(made);
    });
  });
});
