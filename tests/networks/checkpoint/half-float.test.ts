import { expect, test } from '@jest/globals';
import {
  brainFloatsToFloats,
  floatsToHalves,
  halfToNumber,
  halvesToFloats,
} from '../../../networks/checkpoint/index.js';

const toHalf = (value: number): number => floatsToHalves(Float32Array.of(value))[0];

test('every half float survives the way to float32 and back', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  const back = floatsToHalves(halvesToFloats(all));
  for (const bits of all) {
    if (Number.isNaN(halfToNumber(bits))) expect(halfToNumber(back[bits])).toBeNaN();
    else if (back[bits] !== bits) throw new Error(`${bits} came back as ${back[bits]}`);
  }
});

test('known patterns have their values', () => {
  const known = [0x0000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x3555, 0x7c00, 0xfc00];
  const values = [0, 1, -2, 65504, 2 ** -14, 1023 * 2 ** -24, 2 ** -24, 0.333251953125, Infinity, -Infinity];
  expect(known.map(halfToNumber)).toEqual(values);
  expect(Object.is(halfToNumber(0x8000), -0)).toBe(true);
});

test('a value between two halves goes to the nearer, and from the middle to the even one', () => {
  for (const low of [0x3c00, 0x3c01, 0x0000, 0x0001, 0x03ff, 0x0400, 0x57ff, 0x7bfe]) {
    const [a, b] = [halfToNumber(low), halfToNumber(low + 1)];
    const middle = (a + b) / 2;
    const ulp = (b - a) / 64;
    expect([toHalf(middle - ulp), toHalf(middle + ulp)]).toEqual([low, low + 1]);
    expect(toHalf(middle)).toBe(low % 2 === 0 ? low : low + 1);
    expect(toHalf(-middle)).toBe((low % 2 === 0 ? low : low + 1) | 0x8000);
  }
});

test('what is beyond the largest half is an infinity from half a step on', () => {
  expect(toHalf(65519.99)).toBe(0x7bff);
  expect(toHalf(65520)).toBe(0x7c00);
  expect(toHalf(-1e30)).toBe(0xfc00);
  expect(toHalf(2 ** -25)).toBe(0);
  expect(toHalf(2 ** -25 * 1.01)).toBe(1);
});

test('bfloat16 is the upper half of a float32', () => {
  expect([...brainFloatsToFloats(Uint16Array.of(0x4049, 0xbf80, 0x0001))]).toEqual([3.140625, -1, 2 ** -133]);
});
