import { describe, expect, test } from '@jest/globals';
import { Pace } from '../../../server/tasks/pace.js';

/** A machine with an overhead of a second, and 10 ms for each unit of cost. */
const takes = (cost: number): number => 1000 + 10 * cost;
const LARGE = 10_000;
const TINY = 3;

const paceOf = (...costs: number[]): Pace => {
  const pace = new Pace();
  for (const cost of costs) pace.learn(takes(cost), cost);
  return pace;
};
const ratio = (pace: Pace, cost: number): number => (pace.expect(cost) ?? NaN) / takes(cost);

describe('the pace of clips', () => {
  test('is unknown at first', () => {
    expect(new Pace().expect(1)).toBeUndefined();
  });

  test('follows clips of one size, the newest more than those before', () => {
    const pace = new Pace();
    for (const ms of [1000, 1000, 1000, 2000]) pace.learn(ms, 100);
    expect(pace.expect(100)).toBeGreaterThan(1300);
    expect(pace.expect(100)).toBeLessThan(1700);
    for (let i = 0; i < 8; i++) pace.learn(2000, 100);
    expect(pace.expect(100)).toBeGreaterThan(1950);
    expect(pace.expect(100)).toBeLessThan(2050);
  });

  test('of large clips is not disturbed by tiny ones, which are told right after a few', () => {
    const pace = paceOf(LARGE, ...Array<number>(10).fill(TINY));
    expect(ratio(pace, LARGE)).toBeGreaterThan(0.95);
    expect(ratio(pace, LARGE)).toBeLessThan(1.05);
    expect(ratio(pace, TINY)).toBeGreaterThan(0.9);
    expect(ratio(pace, TINY)).toBeLessThan(1.1);
  });

  test('that only tiny clips have taught is put right by the first large one', () => {
    const pace = paceOf(TINY, TINY, TINY);
    expect(ratio(pace, LARGE)).toBeGreaterThan(10);
    pace.learn(takes(LARGE), LARGE);
    expect(ratio(pace, LARGE)).toBeLessThan(1.5);
    expect(ratio(pace, LARGE)).toBeGreaterThan(0.9);
  });

  test('finds its way where sizes are mixed', () => {
    const sizes = [LARGE, TINY, 100, LARGE / 4, TINY, LARGE, 1000, 100, TINY, LARGE];
    const pace = paceOf(...sizes, ...sizes, ...sizes);
    for (const cost of [TINY, 1000, LARGE / 4, LARGE]) {
      expect(ratio(pace, cost)).toBeGreaterThan(0.8);
      expect(ratio(pace, cost)).toBeLessThan(1.25);
    }
  });

  test('follows a machine that has become faster or slower', () => {
    const pace = paceOf(LARGE, TINY, LARGE);
    for (let i = 0; i < 6; i++) pace.learn(takes(LARGE) * 3, LARGE);
    expect(ratio(pace, LARGE)).toBeGreaterThan(2.7);
    expect(ratio(pace, LARGE)).toBeLessThan(3.1);
  });
});

describe('what a device promises', () => {
  test('holds until a clip has been made, and hardly after one of its own size', () => {
    const pace = new Pace();
    pace.promise(40, LARGE);
    expect(pace.expect(100)).toBe(4000);
    pace.promise(30, LARGE);
    expect(pace.expect(100)).toBe(3000);
    pace.learn(takes(LARGE), LARGE);
    expect(ratio(pace, LARGE)).toBeLessThan(1.2);
    const before = pace.expect(LARGE);
    pace.promise(40, LARGE);
    expect(pace.expect(LARGE)).toBe(before);
  });

  test('still holds for large clips when a tiny one has been made', () => {
    const pace = new Pace();
    pace.promise(10, LARGE);
    pace.learn(takes(TINY), TINY);
    expect(ratio(pace, LARGE)).toBeGreaterThan(0.9);
    expect(ratio(pace, LARGE)).toBeLessThan(1.3);
  });
});

test('what costs nothing takes no time', () => {
  expect(paceOf(LARGE, TINY).expect(0)).toBe(0);
});
