import { expect, test } from '@jest/globals';
import type { Dim, Value } from '../../../networks/onnx/index.js';
import * as shapes from '../../../networks/onnx/index.js';
import { Graph } from '../../../networks/onnx/index.js';
import { evaluate, f32 } from '../session.js';

const of = async (build: (g: Graph, x: Value) => Value, dims: Dim[] = ['p', 'q']) => {
  const g = new Graph('shapes');
  const x = g.input('x', 'float32', ['a', 'b']);
  g.output('y', build(g, x), dims);
  return (await evaluate(g, { x: f32([2, 3], [0, 1, 2, 3, 4, 5]) })).y;
};

test('reshape mixes known, measured and inferred sizes', async () => {
  const y = await of(
    (g, x) => shapes.reshape(g, x, [1, shapes.sizesOf(g, x, 1, 2), 1, -1, 1]),
    [1, 'b', 1, 'c', 1],
  );
  expect(y.dims).toEqual([1, 3, 1, 2, 1]);
});
test('sizesOf without an end measures the rest', async () => {
  expect((await of((g, x) => shapes.sizesOf(g, x, 0), [2])).data).toEqual([2, 3]);
});
test('slice takes fixed and measured bounds, negative ones and steps', async () => {
  expect((await of((g, x) => shapes.slice(g, x, 1, -2, shapes.sizesOf(g, x, 1, 2)))).data).toEqual([
    1, 2, 4, 5,
  ]);
  expect((await of((g, x) => shapes.slice(g, x, 1, 0, 3, 2))).data).toEqual([0, 2, 3, 5]);
});
test('transpose, concat, unsqueeze, squeeze and expand move axes as they say', async () => {
  expect((await of((g, x) => shapes.transpose(g, x, [1, 0]))).data).toEqual([0, 3, 1, 4, 2, 5]);
  expect((await of((g, x) => shapes.concat(g, [x, x], 1))).dims).toEqual([2, 6]);
  expect((await of((g, x) => shapes.unsqueeze(g, x, [0, 3]), [1, 'a', 'b', 1])).dims).toEqual([1, 2, 3, 1]);
  expect((await of((g, x) => shapes.squeeze(g, shapes.unsqueeze(g, x, [1]), [1]))).dims).toEqual([2, 3]);
  expect((await of((g, x) => shapes.expand(g, x, [2, 2, 3]), [2, 2, 3])).dims).toEqual([2, 2, 3]);
});
test('sums and means keep their axes', async () => {
  expect(await of((g, x) => shapes.sumOver(g, x, [1]))).toEqual({
    dims: [2, 1],
    type: 'float32',
    data: [3, 12],
  });
  expect(await of((g, x) => shapes.meanOver(g, x, [0, 1]))).toEqual({
    dims: [1, 1],
    type: 'float32',
    data: [2.5],
  });
});
test('counting goes up to a measured count, in either type', async () => {
  const count = (type: 'int64' | 'float32') =>
    of((g, x) => shapes.counting(g, shapes.sizesOf(g, x, 1, 2), type), ['n']);
  expect(await count('int64')).toEqual({ dims: [3], type: 'int64', data: [0, 1, 2] });
  expect(await count('float32')).toEqual({ dims: [3], type: 'float32', data: [0, 1, 2] });
});
