import { describe, expect, test } from '@jest/globals';
import { createPacer } from '../../../../server/images/providers/pacer.js';

const never = new AbortController().signal;

describe('the pacer', () => {
  test('leaves an interval between any two starts, whatever their work takes, in the order asked for', async () => {
    const pace = createPacer(40);
    const starts: number[] = [];
    const order: number[] = [];
    const work = (n: number) => async () => {
      starts.push(performance.now());
      order.push(n);
      if (n === 0) await new Promise((resolve) => setTimeout(resolve, 65));
      return n;
    };
    const results = await Promise.all([0, 1, 2, 3, 4].map((n) => pace(work(n), never)));
    expect(results).toEqual([0, 1, 2, 3, 4]);
    expect(order).toEqual(results);
    const gaps = starts.slice(1).map((at, i) => at - starts[i]);
    // Timers count whole milliseconds and may be one early.
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(38);
  });

  test('lets no two start together where a window of time would end between them', async () => {
    const pace = createPacer(100);
    let finish = (): void => undefined;
    const long = pace(() => new Promise<void>((resolve) => (finish = resolve)), never);
    await new Promise((resolve) => setTimeout(resolve, 170));
    const [second, third] = await Promise.all(
      [2, 3].map(() => pace(() => Promise.resolve(performance.now()), never)),
    );
    finish();
    await long;
    expect(third - second).toBeGreaterThanOrEqual(98);
  });

  test('lets work go that is aborted before its turn, with the signal’s reason', async () => {
    const pace = createPacer(60_000);
    await pace(() => Promise.resolve(), never);
    const abort = new AbortController();
    let ran = false;
    const waiting = pace(() => {
      ran = true;
      return Promise.resolve();
    }, abort.signal);
    abort.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    expect(ran).toBe(false);
  });

  test('passes on what the work throws', async () => {
    await expect(createPacer(10)(() => Promise.reject(new Error('broken')), never)).rejects.toThrow('broken');
  });

  test('sets no pace with an interval of 0', async () => {
    const pace = createPacer(0);
    const starts = await Promise.all(
      [1, 2, 3].map(() => pace(() => Promise.resolve(performance.now()), never)),
    );
    expect(starts[2] - starts[0]).toBeLessThan(20);
  });
});
