import { expect, test } from '@jest/globals';
import type { WriteStream } from 'node:tty';
import { openProgress, timeLeft } from '../../scripts/progress.js';

test('the time left follows the pace since the first progress, not since the start', () => {
  let now = 1000;
  const eta = timeLeft(() => now);
  now += 60_000; // the model is loaded
  expect(eta(0)).toBe('…');
  now += 2000;
  expect(eta(0.04)).toBe('…');
  expect(eta(0.25)).toBe('6 s');
  now += 6000;
  expect(eta(1)).toBe('0 s');
});

test('what was done before says nothing of the pace', () => {
  let now = 0;
  const eta = timeLeft(() => now);
  expect(eta(0.5)).toBe('…');
  now += 3000;
  expect(eta(0.625)).toBe('9 s');
});

test('a line says which variation it is of, where there are several', () => {
  const lines: string[] = [];
  const stream = { isTTY: false, write: (line: string) => lines.push(line) } as unknown as WriteStream;
  const progress = openProgress(stream);
  progress.show({ stage: 'sample', part: 1, parts: 1, step: 2, steps: 7, progress: 0.2 }, 5);
  progress.show({ stage: 'sample', part: 2, parts: 4, step: 2, steps: 7, progress: 0.3 }, 4);
  expect(lines).toEqual(['sample 2/7 (20 %, 5 s left)\n', '2 of 4, sample 2/7 (30 %, 4 s left)\n']);
});
