import { expect, test } from '@jest/globals';
import { gifDelay, MAX_GIF_FPS } from '../../pipeline/gif.js';

test.each([
  [1, 100],
  [6, 16],
  [7, 14],
  [12, 8],
  [24, 4],
  [25, 4],
  [30, 3],
  [50, 2],
])('at %i frames a second each is shown for %i hundredths of a second', (fps, delay) => {
  expect(gifDelay(fps)).toBe(delay);
  // int(1000 / fps) milliseconds, of which the format keeps the whole hundredths
  expect(gifDelay(fps)).toBe(Math.floor(Math.floor(1000 / fps) / 10));
});

test('no frame is shown for less than a browser heeds', () => {
  expect(gifDelay(120)).toBe(2);
  expect(gifDelay(MAX_GIF_FPS)).toBe(2);
});
