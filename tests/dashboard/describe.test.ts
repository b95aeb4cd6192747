import { describe, expect, test } from '@jest/globals';
import type { Task } from '../../dashboard/api/wire.js';
import { scalars, shortStatus, statusText, summaryOf, titleOf } from '../../dashboard/tasks/describe.js';

const task = (fields: Partial<Task>): Task => ({ kind: 'clip', source: {}, params: {}, ...fields }) as Task;
const sampling = { status: 'processing', stage: 'sample', step: 3, steps: 7 } as const;

describe('where a task stands', () => {
  test('a place in the queue is told also of one that has got its picture', () => {
    const waiting = task({ status: 'processing', stage: 'waiting', queue_position: 3 });
    expect(statusText(waiting)).toBe('Waiting, number 3');
    expect(shortStatus(waiting)).toBe('Waiting 3');
    expect(statusText(task({ status: 'queued', queue_position: 2 }))).toBe('Queued, number 2');
    expect(statusText({ ...waiting, queue_position: null })).toBe('Waiting for the device');
  });

  test('which variation or scene is made is told where there are several', () => {
    expect(statusText(task({ ...sampling, part: 2, parts: 4 }))).toBe('Sampling 3 of 7, variation 2 of 4');
    const story = task({ ...sampling, kind: 'story', part: 2, parts: 5 });
    expect(statusText(story)).toBe('Sampling 3 of 7, scene 2 of 5');
    expect(statusText(task({ ...sampling, part: 1, parts: 1 }))).toBe('Sampling 3 of 7');
    expect(statusText(task({ ...sampling, part: null, parts: null }))).toBe('Sampling 3 of 7');
  });
});

test('one step is no steps', () => {
  const params = { W: 64, H: 64, T: 1, steps: 1 };
  expect(summaryOf(task({ params, seed: 3 }))).toBe('64×64 · 1 frame · 1 step · seed 3');
});

test('an uploaded picture is called as its file was, where that is known', () => {
  expect(titleOf(task({ source: { type: 'upload', name: 'rocket.jpg' } }))).toBe('rocket.jpg');
  expect(titleOf(task({ source: { type: 'upload' } }))).toBe('Uploaded picture');
});

test('what a story and its clips have in common is listed once', () => {
  const clip = { W: 64, H: 64, fps: 6, seed: 0, steps: 7, s_noise: 1 };
  expect(scalars({ W: 64, H: 64, fps: 12, seed: 5, frames_per_scene: 9, clip })).toEqual([
    ['W', 64],
    ['H', 64],
    ['fps', 12],
    ['seed', 5],
    ['frames_per_scene', 9],
    ['steps', 7],
    ['s_noise', 1],
  ]);
});
