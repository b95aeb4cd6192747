import { expect, test } from '@jest/globals';
import { patienceOf } from '../../../../server/api/cog/prefer.js';

const MOST = 90_000;
const WAITS = { ms: MOST, ended: 200, unfinished: 504 };

test.each([
  ['', WAITS],
  ['respond-async', { ms: 0, ended: 202, unfinished: 202 }],
  ['Respond-Async', { ms: 0, ended: 202, unfinished: 202 }],
  ['wait', { ms: MOST, ended: 201, unfinished: 202 }],
  ['wait=5', { ms: 5000, ended: 201, unfinished: 202 }],
  ['wait="5"', { ms: 5000, ended: 201, unfinished: 202 }],
  ['wait=0', { ms: 0, ended: 201, unfinished: 202 }],
  ['wait=999999', { ms: MOST, ended: 201, unfinished: 202 }],
  ['respond-async, wait=10', { ms: 10_000, ended: 201, unfinished: 202 }],
  ['return=minimal, respond-async', { ms: 0, ended: 202, unfinished: 202 }],
  ['wait=long', WAITS],
  ['waiting', WAITS],
])('Prefer: %s', (prefer, patience) => {
  expect(patienceOf(prefer, false, MOST)).toEqual(patience);
});

test('a request in Replicate’s form does not wait unless it says so', () => {
  expect(patienceOf('', true, MOST)).toEqual({ ms: 0, ended: 201, unfinished: 201 });
  expect(patienceOf('wait=2', true, MOST)).toEqual({ ms: 2000, ended: 201, unfinished: 202 });
});
