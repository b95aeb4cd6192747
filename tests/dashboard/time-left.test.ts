import { expect, test } from '@jest/globals';
import type { Task } from '../../dashboard/api/wire.js';
import { noteTold, secondsLeft } from '../../dashboard/tasks/time-left.js';

test('the time left runs on while nothing is heard, and no further than to its end', () => {
  const task = { eta_seconds: 90 } as Task;
  noteTold(task, 1_000_000);
  expect(secondsLeft(task, 1_000_000)).toBe(90);
  expect(secondsLeft(task, 1_030_000)).toBe(60);
  expect(secondsLeft(task, 1_100_000)).toBe(0);
  expect(secondsLeft({ eta_seconds: null } as Task, 1_000_000)).toBeUndefined();
});
