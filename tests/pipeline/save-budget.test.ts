import { describe, expect, test } from '@jest/globals';
import { SaveBudget } from '../../pipeline/save-budget.js';

/** A run of `steps` steps of `stepMs` whose saves take `costMs`; gives the steps after which it saved, and the share. */
async function run(steps: number, stepMs: number, costMs: (save: number) => number) {
  let time = 5000;
  let spent = 0;
  const saved: number[] = [];
  const budget = new SaveBudget(10, () => time);
  for (let step = 1; step <= steps; step++) {
    time += stepMs;
    if (!budget.due) continue;
    const cost = costMs(saved.length);
    await budget.spend(() => {
      time += cost;
      spent += cost;
      return Promise.resolve();
    });
    saved.push(step);
  }
  return { saved, share: spent / (time - 5000) };
}

describe('the budget of saves', () => {
  test.each([
    [1, 3],
    [40, 5],
    [40, 80],
    [1000, 40],
    [60_000, 200],
  ])('steps of %p ms and saves of %p ms: saves take no more than 1 %% of the run', async (stepMs, costMs) => {
    const { saved, share } = await run(50_000, stepMs, () => costMs);
    expect(saved.length).toBeGreaterThan(10);
    expect(share).toBeLessThanOrEqual(0.01);
    expect(share).toBeGreaterThan(costMs / stepMs < 0.01 ? 0 : 0.009); // and the 1 % is made use of
  });

  test('where a save is cheap beside a step, every step is saved', async () => {
    expect((await run(5, 60_000, () => 200)).saved).toEqual([1, 2, 3, 4, 5]);
  });

  test('a save that took long is paid for before the next one', async () => {
    const { saved } = await run(1000, 100, (save) => (save === 0 ? 500 : 5));
    expect(saved[0]).toBe(10); // 1 s of run for the first 10 ms
    expect(saved[1]).toBe(995); // 0.5 s at 1 %, and room for as long a save again
  });

  test('a save that fails costs what it took', async () => {
    let time = 0;
    const budget = new SaveBudget(10, () => time);
    time = 1000;
    const failing = budget.spend(() => {
      time += 50;
      return Promise.reject(new Error('disk full'));
    });
    await expect(failing).rejects.toThrow('disk full');
    expect(budget.due).toBe(false);
  });
});
