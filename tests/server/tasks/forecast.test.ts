import { beforeEach, describe, expect, test } from '@jest/globals';
import { Forecast } from '../../../server/tasks/forecast.js';

let time: number;
let forecast: Forecast;
beforeEach(() => {
  time = 0;
  forecast = new Forecast(1, () => time);
});

const outlook = (id: string) => forecast.outlooks().get(id);
/** Teaches a pace of 10 ms per unit of cost. */
const learn = (): void => {
  forecast.admit('teacher', 100);
  forecast.begin('teacher');
  time += 1000;
  forecast.end('teacher', true);
};

test('a task that runs no network takes its place, and says nothing of the pace of those that do', () => {
  learn();
  forecast.admit('stills', 0);
  forecast.begin('stills');
  time += 5000;
  forecast.end('stills', true);
  forecast.admit('clip', 100);
  expect(outlook('clip')).toEqual({ queuePosition: 1, etaSeconds: 1 });
});

describe('positions', () => {
  test('count the waiting tasks in their order, from 1', () => {
    for (const id of ['a', 'b', 'c']) forecast.admit(id, 1);
    forecast.begin('a');
    expect(outlook('a')?.queuePosition).toBeNull();
    expect(outlook('b')?.queuePosition).toBe(1);
    expect(outlook('c')?.queuePosition).toBe(2);
    expect(forecast.waiting).toBe(2);
  });

  test('a suspended task waits again in its old place', () => {
    for (const id of ['a', 'b']) forecast.admit(id, 1);
    forecast.begin('a');
    forecast.suspend('a');
    forecast.admit('a', 1);
    expect(outlook('a')?.queuePosition).toBe(1);
    expect(outlook('b')?.queuePosition).toBe(2);
  });

  test('an ended or unknown task has no outlook', () => {
    forecast.admit('a', 1);
    forecast.end('a', false);
    expect(outlook('a')).toBeUndefined();
  });
});

describe('time left', () => {
  test('is unknown until a clip has been made', () => {
    forecast.admit('a', 100);
    expect(outlook('a')?.etaSeconds).toBeNull();
    forecast.begin('a');
    forecast.report('a', 0.01);
    expect(outlook('a')?.etaSeconds).toBeNull();
  });

  test('of a waiting task is that of all before it and its own', () => {
    learn();
    forecast.admit('a', 300);
    forecast.admit('b', 500);
    forecast.begin('a');
    time += 1000;
    expect(outlook('a')?.etaSeconds).toBe(2);
    expect(outlook('b')?.etaSeconds).toBe(2 + 5);
  });

  test('of a running clip follows its own pace once that can be told', () => {
    learn();
    forecast.admit('a', 300);
    forecast.begin('a');
    time += 1000; // preparations, which have no pace
    forecast.report('a', 0.05);
    time += 1000;
    forecast.report('a', 0.1);
    expect(outlook('a')?.etaSeconds).toBe(2); // as clips of its cost do: 3 s, without their 5 %, of which 1 s is over
    time += 5000;
    forecast.report('a', 0.55);
    expect(outlook('a')?.etaSeconds).toBe(6); // 12 s for the whole at its own pace
    expect(forecast.secondsToNextEnd).toBe(6);
    expect(forecast.expectation(100).waitSeconds).toBe(6);
  });

  test('of a clip that goes on where it was is for what is left, and teaches nothing', () => {
    learn();
    forecast.admit('a', 300);
    forecast.begin('a');
    forecast.report('a', 0.6);
    expect(outlook('a')?.etaSeconds).toBe(2);
    time += 4000;
    forecast.report('a', 0.8);
    expect(outlook('a')?.etaSeconds).toBe(4);
    time += 4000;
    forecast.end('a', true);
    expect(forecast.expectation(100).workSeconds).toBe(1);
  });

  test('begins anew with another attempt', () => {
    learn();
    forecast.admit('a', 300);
    forecast.begin('a');
    forecast.report('a', 0.5);
    forecast.suspend('a');
    forecast.begin('a');
    expect(outlook('a')?.etaSeconds).toBe(3);
  });

  test('never falls below zero and is shared by the devices', () => {
    learn();
    forecast.admit('a', 100);
    forecast.begin('a');
    time += 9000;
    expect(outlook('a')?.etaSeconds).toBe(0);
    const two = new Forecast(2, () => time);
    two.admit('t', 100);
    two.begin('t');
    time += 1000;
    two.end('t', true);
    for (const id of ['a', 'b', 'c']) two.admit(id, 100);
    two.begin('a');
    two.begin('b');
    expect(two.outlooks().get('c')?.etaSeconds).toBe(2);
  });

  test('of a clip that has not come yet is its own and that of all before it', () => {
    expect(forecast.expectation(100)).toEqual({ workSeconds: null, waitSeconds: null });
    learn();
    expect(forecast.expectation(200)).toEqual({ workSeconds: 2, waitSeconds: 0 });
    for (const id of ['a', 'b']) forecast.admit(id, 300);
    forecast.begin('a');
    time += 1000;
    expect(forecast.expectation(200)).toEqual({ workSeconds: 2, waitSeconds: 5 });
  });

  test('is what a device promises until a clip has been made', () => {
    forecast.promise(20, 100);
    expect(forecast.expectation(100)).toEqual({ workSeconds: 2, waitSeconds: 0 });
    forecast.admit('a', 200);
    expect(outlook('a')?.etaSeconds).toBe(4);
    forecast.end('a', false);
    learn();
    expect(forecast.expectation(1000).workSeconds).toBe(11); // 10, and a little of the promise
    forecast.promise(20, 100); // another device started
    expect(forecast.expectation(1000).workSeconds).toBe(11);
  });

  test('failed clips teach nothing', () => {
    forecast.admit('a', 100);
    forecast.begin('a');
    time += 1;
    forecast.end('a', false);
    forecast.admit('b', 100);
    expect(outlook('b')?.etaSeconds).toBeNull();
  });
});
