import { describe, expect, test } from '@jest/globals';
import {
  countOperations,
  Graph,
  integers,
  reshape,
  sizesOf,
  transpose,
} from '../../../networks/onnx/index.js';

const weight = (g: Graph, dims: readonly number[]) =>
  g.initializer({ type: 'float32', dims, file: 'w', offset: 0, length: 4 * dims.reduce((n, d) => n * d, 1) });

describe('operations are counted', () => {
  test('of a product: two for each weight and row', () => {
    const g = new Graph('product');
    const x = g.input('x', 'float32', ['n', 5]);
    g.output('y', g.op('Gemm', x, weight(g, [7, 5]), { transB: 1 }), ['n', 7]);
    expect(countOperations(g, { x: [3, 5] })).toEqual({ operations: 2 * 3 * 5 * 7, outputs: { y: [3, 7] } });
  });

  test.each([
    ['Conv', '', [2, 3, 9, 8], [5, 3, 3, 3], [2, 5, 5, 4]],
    ['NhwcConv', 'com.microsoft', [2, 9, 8, 3], [5, 3, 3, 3], [2, 5, 4, 5]],
  ])('of a convolution (%s) with stride and padding', (op, domain, x, kernel, y) => {
    const g = new Graph('convolution');
    const inputs = [g.input('x', 'float32', ['n', 'a', 'b', 'c']), weight(g, kernel)];
    const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
    g.output('y', g.node({ op, domain, inputs, attributes })[0], ['n', 'a', 'b', 'c']);
    expect(countOperations(g, { x })).toEqual({ operations: 2 * 2 * 5 * 5 * 4 * 27, outputs: { y } });
  });

  test('of attention: scores and the values weighed by them, whatever the heads', () => {
    const g = new Graph('attention');
    const [q, k] = [g.input('q', 'float32', ['n', 's', 8]), g.input('k', 'float32', ['n', 'l', 8])];
    const node = { op: 'MultiHeadAttention', domain: 'com.microsoft', attributes: { num_heads: 2 } };
    g.output('y', g.node({ ...node, inputs: [q, k, k] })[0], ['n', 's', 8]);
    const { operations } = countOperations(g, { q: [3, 6, 8], k: [3, 4, 8] });
    expect(operations).toBe(2 * 2 * 3 * 6 * 4 * 8);
  });

  test('with the sizes that the graph itself computes', () => {
    const g = new Graph('sizes');
    const x = g.input('x', 'float32', ['a', 'b', 'c']);
    const half = g.op('Div', g.op('Add', sizesOf(g, x, 1, 2), integers(g, [1])), integers(g, [2]));
    const [a, b] = [reshape(g, x, [0, half, -1]), reshape(g, x, [0, -1, half])];
    g.output('y', g.op('MatMul', a, b), ['a', 'd', 'e']);
    g.output('z', transpose(g, g.op('MatMul', b, a), [2, 0, 1]), ['e', 'a', 'd']);
    // Half of 5, rounded up, is 3: [2, 3, 10] and [2, 10, 3].
    expect(countOperations(g, { x: [2, 5, 6] })).toEqual({
      operations: 2 * 2 * 3 * 10 * 3 + 2 * 2 * 10 * 3 * 10,
      outputs: { y: [2, 3, 3], z: [10, 2, 10] },
    });
  });
});

test('an unknown operator and an input without sizes are named', () => {
  const g = new Graph('unknown');
  g.output('y', g.op('Erf', g.input('x', 'float32', ['n'])), ['n']);
  expect(() => countOperations(g, { x: [1] })).toThrow(/no rule gives the sizes of Erf/);
  expect(() => countOperations(g, {})).toThrow(/say the sizes of 'x'/);
});
