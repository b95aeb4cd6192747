import { describe, expect, jest, test } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { LocalQueue, type Again, type Lane } from '../../../server/tasks/queue.js';

interface Call {
  readonly lane: Lane;
  readonly id: string;
  readonly signal: AbortSignal;
  /** Ends the handler, with the wish to run again if there is one. */
  readonly finish: (again?: Again) => void;
}

/** A queue whose handlers run until told to finish, or until aborted. */
const harness = (concurrency: Record<Lane, number> = { picture: 2, device: 1 }) => {
  const calls: Call[] = [];
  const handler =
    (lane: Lane) =>
    (id: string, signal: AbortSignal): Promise<Again | undefined> =>
      new Promise<Again | undefined>((resolve) => {
        signal.addEventListener('abort', () => resolve(undefined));
        calls.push({ lane, id, signal, finish: resolve });
      });
  const handlers = { picture: handler('picture'), device: handler('device') };
  return { calls, queue: new LocalQueue({ concurrency, handlers }) };
};
const ids = (calls: readonly Call[]): string[] => calls.map(({ id }) => id);

describe('lanes', () => {
  test('run as many at once as they may, the oldest task first', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'first', 0);
    queue.add('device', 'young', 30);
    queue.add('device', 'old', 10);
    await setImmediate();
    expect(ids(calls)).toEqual(['first']);
    calls[0].finish();
    await setImmediate();
    expect(ids(calls)).toEqual(['first', 'old']);
  });

  test('a full picture lane never holds the device', async () => {
    const { calls, queue } = harness({ picture: 1, device: 1 });
    queue.add('picture', 'slow', 0);
    queue.add('picture', 'slower', 1);
    queue.add('device', 'clip', 2);
    await setImmediate();
    expect(ids(calls)).toEqual(['slow', 'clip']);
  });

  test('a task is in a lane once, and may come back after it has left', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 0);
    queue.add('device', 'a', 0);
    await setImmediate();
    calls[0].finish();
    await setImmediate();
    expect(calls).toHaveLength(1);
    queue.add('device', 'a', 0);
    await setImmediate();
    expect(calls).toHaveLength(2);
  });
});

describe('abort', () => {
  test('of a running task aborts its signal and no other', async () => {
    const { calls, queue } = harness();
    queue.add('picture', 'a', 0);
    queue.add('picture', 'b', 1);
    await setImmediate();
    queue.abort('a');
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  });

  test('of a waiting task keeps it from running', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 0);
    queue.add('device', 'b', 1);
    await setImmediate();
    queue.abort('b');
    calls[0].finish();
    await setImmediate();
    expect(ids(calls)).toEqual(['a']);
  });
});

describe('close', () => {
  test('waits for what runs and starts nothing more', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 0);
    queue.add('device', 'b', 1);
    await setImmediate();
    const closed = queue.close(60_000);
    calls[0].finish();
    await closed;
    expect(ids(calls)).toEqual(['a']);
    expect(calls[0].signal.aborted).toBe(false);
  });

  test('aborts what does not end in time', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 0);
    await setImmediate();
    await queue.close(1);
    expect(calls[0].signal.aborted).toBe(true);
  });
});

describe('a task that is to run again', () => {
  const last = (calls: readonly Call[]): Call => calls[calls.length - 1];

  test('gets the lane at once in its old order, and waits behind the others in a later one', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 1);
    queue.add('device', 'b', 2);
    await setImmediate();
    last(calls).finish({ order: 1 });
    await setImmediate();
    last(calls).finish({ order: 3 });
    await setImmediate();
    last(calls).finish();
    await setImmediate();
    expect(ids(calls)).toEqual(['a', 'a', 'b', 'a']);
  });

  test('leaves the lane to the others while it pauses', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 1);
    queue.add('device', 'b', 2);
    await setImmediate();
    last(calls).finish({ order: 1, afterMs: 5 });
    await setImmediate();
    expect(ids(calls)).toEqual(['a', 'b']);
    queue.add('device', 'a', 1); // it is in the lane already
    last(calls).finish();
    while (calls.length < 3) await setImmediate();
    expect(ids(calls)).toEqual(['a', 'b', 'a']);
  });

  test.each(['abort', 'close'] as const)('and is met by %s in its pause is forgotten', async (what) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const { calls, queue } = harness();
      queue.add('device', 'a', 1);
      await setImmediate();
      calls[0].finish({ order: 1, afterMs: 1000 });
      await setImmediate();
      if (what === 'abort') queue.abort('a');
      else await queue.close(0);
      queue.add('device', 'b', 2);
      await jest.advanceTimersByTimeAsync(1000);
      await setImmediate();
      expect(ids(calls)).toEqual(what === 'abort' ? ['a', 'b'] : ['a']);
    } finally {
      jest.useRealTimers();
    }
  });

  test('although it was aborted meanwhile does not', async () => {
    const { calls, queue } = harness();
    queue.add('device', 'a', 1);
    await setImmediate();
    queue.abort('a');
    calls[0].finish({ order: 1 });
    await setImmediate();
    expect(ids(calls)).toEqual(['a']);
  });
});
