import { expect, test } from '@jest/globals';
import { workDone } from '../../scripts/work-done.js';

test.each([
  [10, { full: 5, shallow: 5 }, '10 steps, 5 evaluations of the whole network and 5 of its outer part'],
  [4, { full: 7, shallow: 0 }, '4 steps, 7 evaluations of the whole network'],
  [1, { full: 1, shallow: 0 }, '1 step, 1 evaluation of the whole network'],
])('%i steps with %j', (steps, evaluations, words) => {
  expect(workDone(steps, evaluations)).toBe(words);
});
