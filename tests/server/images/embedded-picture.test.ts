import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { composePicture } from '../../../server/images/embedded-picture.js';
import { finishInto } from '../../../server/images/picture-finish.js';
import { normalisePicture } from '../../../server/images/normalise-picture.js';
import { composeScene } from '../../../server/images/scenes/compose.js';

const SMALL = { seed: 5, width: 320, height: 180 };
const make = (prompt: string, options = SMALL): Promise<Buffer> => composePicture({ prompt, ...options });

/** Mean of each colour over the picture. */
const means = async (bytes: Buffer): Promise<readonly number[]> =>
  (await sharp(bytes).stats()).channels.map(({ mean }) => mean);

const brightness = async (bytes: Buffer): Promise<number> =>
  (await means(bytes)).reduce((sum, mean) => sum + mean, 0) / 3;

describe('the same prompt, seed and size', () => {
  test('give the same bytes', async () => {
    const [first, second] = await Promise.all([make('a fox in the snow'), make('a fox in the snow')]);
    expect(first.equals(second)).toBe(true);
  });

  test('and another prompt, seed or size gives another picture', async () => {
    const first = await make('a fox in the snow');
    expect((await make('a fox in the Snow')).equals(first)).toBe(false);
    expect((await make('a fox in the snow', { ...SMALL, seed: 6 })).equals(first)).toBe(false);
    expect((await make('a fox in the snow', { ...SMALL, width: 330 })).equals(first)).toBe(false);
  });
});

test.each([
  [1024, 576],
  [576, 1024],
  [64, 64],
  [1024, 128],
  [128, 1024],
])('every scene fills %i x %i pixels', async (width, height) => {
  const prompts = ['mountain', 'sea lighthouse', 'city', 'space', 'forest', 'desert', 'snow'];
  for (const prompt of width * height > 2e5 ? prompts.slice(0, 2) : prompts) {
    const picture = await normalisePicture(await make(prompt, { seed: 1, width, height }));
    expect([picture.width, picture.height]).toEqual([width, height]);
    // Something is drawn in every quarter: the colours of none are all alike.
    const half = { width: width / 2, height: height / 2 };
    for (const [left, top] of [
      [0, 0],
      [half.width, 0],
      [0, half.height],
      [half.width, half.height],
    ]) {
      const stats = await sharp(picture.png)
        .extract({ left, top, ...half })
        .toBuffer()
        .then((part) => sharp(part).stats());
      expect(Math.max(...stats.channels.map(({ stdev }) => stdev))).toBeGreaterThan(3);
    }
  }
});

describe('words', () => {
  test('night is darker than day, whatever the scene and the seed', async () => {
    for (const scene of ['mountains', 'sea', 'forest', 'desert']) {
      for (const seed of [1, 2]) {
        const [day, night] = await Promise.all(
          ['sunny', 'midnight'].map((word) => make(`${scene} ${word}`, { ...SMALL, seed })),
        );
        expect(await brightness(night)).toBeLessThan((await brightness(day)) * 0.6);
      }
    }
  });

  test('the sea is blue by day and red at sunset', async () => {
    const [red, , blue] = await means(await make('sunny ocean'));
    expect(blue).toBeGreaterThan(red * 1.2);
    const [evening, , water] = await means(await make('ocean at sunset'));
    expect(evening).toBeGreaterThan(water);
  });

  test('the scene follows the words, not the seed', () => {
    const scenes = [1, 2, 3, 4].map((seed) => composeScene('a saturn postcard', seed, 320, 180));
    for (const svg of scenes) expect(svg).toContain('clip-path');
    expect(new Set(scenes).size).toBe(4);
  });

  test('prompts without a known word spread over many pictures', () => {
    const first = (svg: string): string => svg.slice(0, 400).replace(/\d+(\.\d+)?/g, '');
    const words = Array.from({ length: 40 }, (_, i) => `zq${i}`);
    const kinds = new Set(words.map((word) => first(composeScene(word, 1, 320, 180))));
    expect(kinds.size).toBeGreaterThan(5);
  });
});

describe('any text gives a picture', () => {
  test.each([
    ['nothing', ''],
    ['blanks', ' \n\t\u00a0\u2003 '],
    ['emoji', '🦊🔥👨‍👩‍👧‍👦'],
    ['ideographs', '狐狸在森林里'],
    ['right to left', 'مرحبا بالعالم שלום'],
    ['overrides of direction', '\u202eabc\u2066def\u2069'],
    ['controls', '\0\x07\x1b[31m\x7f\u0085'],
    ['half of a pair', 'a\ud83e'],
    ['blank glyphs', '\u2800\u3164\u115f\u200b\ufeff'],
    ['one mark alone', '\u0301'],
    ['many marks', `Z${'\u0351'.repeat(500)}`],
    ['markup', '</svg><image href="file:///etc/passwd"/><b>&amp;&lt;]]>'],
    ['8000 letters in one word', 'x'.repeat(8000)],
    ['8000 letters in words', 'word '.repeat(1600)],
    ['8000 line breaks', '\n'.repeat(8000)],
    ['8000 emoji', '🦊'.repeat(8000)],
  ])('%s', async (_, prompt) => {
    const picture = await normalisePicture(await make(prompt));
    expect([picture.width, picture.height]).toEqual([320, 180]);
  });

  test('no text of the prompt enters the drawing', () => {
    const svg = composeScene('</svg><script>zebra</script>', 1, 320, 180);
    expect(svg).not.toMatch(/zebra|script/);
  });
});

test('the letters of the longest caption lie within the central three quarters', async () => {
  const prompt = 'WORDS gjpqy '.repeat(100);
  const [width, height] = [640, 360];
  const drawing = sharp(Buffer.from(composeScene(prompt, 5, width, height))).flatten({ background: '#000' });
  const bare = await drawing.raw().toBuffer();
  finishInto({ data: bare, width, height }, 5);
  const lettered = await sharp(await make(prompt, { seed: 5, width, height }))
    .raw()
    .toBuffer();
  const changed: (readonly [x: number, y: number])[] = [];
  for (let i = 0; i < width * height; i++) {
    // Brighter: a letter. Its shadow may reach further.
    if (lettered[3 * i] > bare[3 * i] + 8)
      changed.push([(i % width) / width, Math.floor(i / width) / height]);
  }
  expect(changed.length).toBeGreaterThan(1000);
  const [xs, ys] = [0, 1].map((axis) => changed.map((point) => point[axis]));
  expect(Math.min(...xs)).toBeGreaterThan(0.125);
  expect(Math.max(...xs)).toBeLessThan(0.875);
  expect(Math.min(...ys)).toBeGreaterThan(0.6);
  expect(Math.max(...ys)).toBeLessThan(0.875);
});
