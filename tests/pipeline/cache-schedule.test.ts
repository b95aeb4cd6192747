import { describe, expect, test } from '@jest/globals';
import { CacheSchedule } from '../../pipeline/cache-schedule.js';
import type { Branches } from '../../samplers/index.js';

/** Which of these evaluations are shallow: [step, slot, branches] in the order in which they are made. */
const kinds = (interval: number, evaluations: readonly (readonly [number, number, Branches])[]): string =>
  evaluations
    .map(function (this: CacheSchedule, [step, slot, branches]) {
      return this.isShallow({ step, slot }, branches) ? 's' : 'F';
    }, new CacheSchedule(interval))
    .join('');

const steps = (from: number, to: number, branches: Branches = 'both') =>
  Array.from({ length: to - from }, (_, i) => [from + i, 0, branches] as const);

describe('whole evaluations', () => {
  test('are those of every n-th step, counted from the first', () => {
    expect(kinds(3, steps(0, 10))).toBe('FssFssFssF');
    expect(kinds(5, steps(0, 7))).toBe('FssssFs');
    expect(kinds(1, steps(0, 3))).toBe('FFF');
  });

  test('and those after them go by the step, whatever it evaluates', () => {
    const twice = steps(0, 4).flatMap(([step]) => [0, 1].map((slot) => [step, slot, 'both'] as const));
    expect(kinds(2, twice)).toBe('FFssFFss');
  });

  test('are needed where a slot has none in its round', () => {
    // A step that needs no second evaluation, then one that does.
    expect(
      kinds(3, [
        [0, 0, 'both'],
        [1, 0, 'both'],
        [1, 1, 'both'],
        [2, 0, 'both'],
        [2, 1, 'both'],
      ]),
    ).toBe('FsFss');
    // What the round before left is too old.
    expect(
      kinds(2, [
        [0, 0, 'both'],
        [0, 1, 'both'],
        [2, 0, 'both'],
        [3, 0, 'both'],
        [3, 1, 'both'],
      ]),
    ).toBe('FFFsF');
  });

  test('are needed where guidance begins within a round, not where it ends', () => {
    expect(kinds(4, [...steps(0, 2, 'cond'), ...steps(2, 4, 'both')])).toBe('FsFs');
    expect(kinds(4, [...steps(0, 2, 'both'), ...steps(2, 4, 'cond')])).toBe('Fsss');
  });
});

test('a run can be resumed where a round begins', () => {
  const schedule = new CacheSchedule(3);
  expect([0, 1, 2, 3, 4, 5, 6].map((step) => schedule.startsWhole(step))).toEqual([
    true,
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
});
