import { describe, expect, test } from '@jest/globals';
import { parseByteRange } from '../../../server/media/byte-range.js';

describe('a file of 100 bytes', () => {
  test.each([
    ['bytes=0-', { start: 0, end: 99 }],
    ['bytes=0-10', { start: 0, end: 10 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=99-', { start: 99, end: 99 }],
    ['bytes=50-500', { start: 50, end: 99 }],
    ['bytes=-5', { start: 95, end: 99 }],
    ['bytes=-500', { start: 0, end: 99 }],
    ['Bytes = 1 - 2 ', { start: 1, end: 2 }],
    ['bytes=0-99999999999999999999999999', { start: 0, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=100-200', 'unsatisfiable'],
    ['bytes=99999999999999999999999999-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=', 'whole'],
    ['bytes=a-b', 'whole'],
    ['bytes=1.5-2', 'whole'],
    ['bytes=--5', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['seconds=0-1', 'whole'],
    ['', 'whole'],
    [undefined, 'whole'],
  ])('%j asks for %j', (header, expected) => {
    expect(parseByteRange(header, 100)).toEqual(expected);
  });
});

test.each(['bytes=0-', 'bytes=-1', 'bytes=0-0'])('no range of an empty file can be had (%s)', (header) => {
  expect(parseByteRange(header, 0)).toBe('unsatisfiable');
});
