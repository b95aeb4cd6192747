import { describe, expect, test } from '@jest/globals';
import { float32, Graph, integers, memoryNeed, reshape } from '../../../networks/onnx/index.js';
import type { Value } from '../../../networks/onnx/index.js';

/** A graph of one input of n numbers, and what `build` makes of it. */
function graphOf(build: (g: Graph, x: Value) => Value): Graph {
  const g = new Graph('g');
  g.output('y', build(g, g.input('x', 'float32', ['n'])), ['m']);
  return g;
}
const working = (build: (g: Graph, x: Value) => Value): number =>
  memoryNeed(graphOf(build), { x: [10] }).working;
/** Bytes of the ten numbers. */
const X = 40;

describe('the memory that a run works in', () => {
  test('holds the input and, of a chain, two values at a time', () => {
    expect(working((g, x) => g.op('Cos', g.op('Sin', g.op('Cos', x))))).toBe(3 * X);
    expect(working((g, x) => g.op('Cos', x))).toBe(2 * X);
  });

  test('holds a value until its last reader has run', () => {
    const skip = (g: Graph, x: Value) => {
      const early = g.op('Cos', x);
      const late = g.op('Sin', g.op('Cos', g.op('Sin', early)));
      return g.op('Add', early, late);
    };
    expect(working(skip)).toBe(4 * X);
  });

  test('takes the place of an input that nothing else reads, where the operator can', () => {
    expect(working((g, x) => g.op('Sigmoid', g.op('Add', g.op('Cos', x), 1)))).toBe(2 * X);
    // Not the caller's input, and not one that is read again.
    expect(working((g, x) => g.op('Sigmoid', x))).toBe(2 * X);
    const readAgain = (g: Graph, x: Value) => {
      const cos = g.op('Cos', x);
      return g.op('Mul', g.op('Sigmoid', cos), cos);
    };
    expect(working(readAgain)).toBe(3 * X);
    expect(
      working((g, x) => {
        const cos = g.op('Cos', x);
        return g.op('Add', cos, cos);
      }),
    ).toBe(2 * X);
  });

  test('takes nothing for another shape of the same numbers, and keeps them as long as either is read', () => {
    const twice = (g: Graph, x: Value) => {
      const cos = g.op('Cos', x);
      const view = reshape(g, cos, [2, -1]);
      const after = g.op('Sin', cos);
      return g.op('Add', reshape(g, view, [-1]), after);
    };
    expect(working(twice)).toBe(3 * X);
  });

  test('has the bytes of each type', () => {
    expect(working((g, x) => g.op('Cast', x, { to: 10 }))).toBe(X + X / 2);
  });

  test('gives back at once what nothing reads', () => {
    const unread = (g: Graph, x: Value) => {
      g.op('Cos', x);
      return g.op('Sin', x);
    };
    expect(working(unread)).toBe(2 * X);
  });
});

test('weights are counted once, as they are computed with, and not what they are made from', () => {
  const g = graphOf((g, x) => {
    const small = g.initializer({ type: 'float16', dims: [10], file: 'w', offset: 0, length: 20 });
    const weights = g.op('Cast', small, { to: 1 });
    const unused = g.initializer(float32([100], new Array<number>(100).fill(0)));
    g.op('Shape', unused);
    return g.op('Mul', g.op('Add', x, weights), weights);
  });
  expect(memoryNeed(g, { x: [10] })).toMatchObject({ weights: 40, outputs: { y: [10] } });
});

test('sizes that the graph itself computes are known', () => {
  const g = graphOf((g, x) => g.op('Expand', x, integers(g, [7, 10])));
  expect(memoryNeed(g, { x: [10] }).working).toBe(8 * X);
});
