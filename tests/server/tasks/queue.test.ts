import { describe, expect, test } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { LocalQueue, type Lane } from '../../../server/tasks/queue.js';

interface Call {
  readonly lane: Lane;
  readonly id: string;
  readonly signal: AbortSignal;
  readonly finish: () => void;
}

/** A queue whose handlers run until told to finish, or until aborted. */
const harness = (concurrency: Record<Lane, number> = { picture: 2, device: 1 }) => {
  const calls: Call[] = [];
  const handler =
    (lane: Lane) =>
    (id: string, signal: AbortSignal): Promise<void> =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
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
