import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { InvalidParameterError, TorchRandom } from '../../samplers/index.js';

interface Draw {
  readonly head: number[];
  readonly tail?: number[];
  readonly sum: number;
  readonly sumsq?: number;
}
interface Recorded {
  readonly seed: number;
  readonly shape: number[];
  readonly first_call: Draw;
  readonly second_call: Draw;
}

const { cases } = JSON.parse(readFileSync('tests/data/samplers/torch-randn.json', 'utf8')) as {
  cases: Recorded[];
};

function expectDraw(values: Float32Array, { head, tail, sum, sumsq }: Draw): void {
  const off = (given: Float32Array, wanted: number[]): number =>
    Math.max(...wanted.map((value, i) => Math.abs(value - given[i])));
  expect(off(values.subarray(0, head.length), head)).toBeLessThanOrEqual(1e-6);
  if (tail !== undefined)
    expect(off(values.subarray(values.length - tail.length), tail)).toBeLessThanOrEqual(1e-6);
  const total = values.reduce((a, v) => a + v, 0);
  const squares = values.reduce((a, v) => a + v * v, 0);
  expect(Math.abs(total - sum)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(sum)));
  if (sumsq !== undefined) expect(Math.abs(squares - sumsq)).toBeLessThanOrEqual(1e-4 * sumsq);
}

describe('recorded draws of torch.randn', () => {
  test.each(cases.map((c) => [c.seed, c.shape.join('x'), c] as const))(
    'seed %p, shape %s',
    (seed, _shape, c) => {
      const count = c.shape.reduce((a, n) => a * n, 1);
      const random = new TorchRandom(seed);
      expectDraw(random.randn(count), c.first_call);
      expectDraw(random.randn(count), c.second_call);
    },
  );
});

describe('seeds', () => {
  test('only the low 32 bits count, in two’s complement', () => {
    const seven = new TorchRandom(7).randn(20);
    expect(new TorchRandom(2 ** 33 + 7).randn(20)).toEqual(seven);
    expect(new TorchRandom(2n ** 64n + 7n).randn(20)).toEqual(seven);
    expect(new TorchRandom(-5).randn(20)).toEqual(new TorchRandom(2 ** 32 - 5).randn(20));
    expect(new TorchRandom(8).randn(20)).not.toEqual(seven);
  });

  test.each([0.5, NaN, Infinity, 2 ** 60])('%p is refused', (seed) => {
    expect(() => new TorchRandom(seed)).toThrow(InvalidParameterError);
  });

  test('seeding again starts again, with nothing kept from before', () => {
    const random = new TorchRandom(3);
    const first = random.randn(3);
    random.manualSeed(3);
    expect(random.randn(3)).toEqual(first);
  });
});

describe('draws of different sizes', () => {
  test('the fourth normal of a small draw of three is the first of the next, across a large draw', () => {
    const whole = new TorchRandom(42).randn(4);
    const random = new TorchRandom(42);
    expect(random.randn(3)).toEqual(whole.subarray(0, 3));
    random.randn(100);
    expect(random.randn(1)[0]).toBe(whole[3]);
  });

  test('a saved state continues with the same numbers, the kept normal included', () => {
    for (const count of [3, 16, 21, 700]) {
      const random = new TorchRandom(11);
      random.randn(count);
      const state = structuredClone(random.save());
      const next = [random.randn(5), random.randn(1000)];
      const other = new TorchRandom(0);
      other.restore(state);
      expect([other.randn(5), other.randn(1000)]).toEqual(next);
    }
  });

  test('a saved state does not move with the generator', () => {
    const random = new TorchRandom(11);
    const state = random.save();
    const words = state.words.slice();
    random.randn(5000);
    expect(state.words).toEqual(words);
  });

  test('a damaged state is refused', () => {
    const random = new TorchRandom(1);
    const state = random.save();
    expect(() => random.restore({ ...state, used: 625 })).toThrow('damaged');
    expect(() => random.restore({ ...state, words: new Uint32Array(3) })).toThrow('damaged');
  });
});
