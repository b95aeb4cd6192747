import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementType } from '../../../networks/onnx/index.js';
import { cast, encodeModel, float, float32, floats, Graph, int64 } from '../../../networks/onnx/index.js';
import { evaluate, f32, HEADER, i64, open, openFile } from '../session.js';

describe('tensors reach the runtime with their values', () => {
  const cases: [ElementType, ArrayBufferView, number[]][] = [
    ['float32', Float32Array.of(1.5, -2), [1.5, -2]],
    ['float64', Float64Array.of(1.5, -2), [1.5, -2]],
    ['float16', Uint16Array.of(0x3e00, 0xc000), [1.5, -2]],
    ['bfloat16', Uint16Array.of(0x3fc0, 0xc000), [1.5, -2]],
    ['int64', BigInt64Array.of(2n ** 24n, -2n), [2 ** 24, -2]],
    ['int32', Int32Array.of(2 ** 24, -2), [2 ** 24, -2]],
    ['int8', Int8Array.of(5, -2), [5, -2]],
    ['uint8', Uint8Array.of(5, 250), [5, 250]],
    ['bool', Uint8Array.of(1, 0), [1, 0]],
  ];
  test.each(cases)('%s', async (type, data, expected) => {
    const g = new Graph('tensor');
    g.output('y', cast(g, g.initializer({ type, dims: [2], data }), 'float32'), [2]);
    expect((await evaluate(g)).y.data).toEqual(expected);
  });

  test('a view into a larger buffer writes only its own part', async () => {
    const g = new Graph('view');
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    g.output('y', g.initializer({ type: 'float32', dims: [2], data }), [2]);
    expect((await evaluate(g)).y.data).toEqual([1, 2]);
  });
});

describe('attributes reach the runtime with their values', () => {
  const x = f32([1, 4], [-4, 1, 2, 3]);
  const unary = (build: (g: Graph) => void) => {
    const g = new Graph('attributes');
    build(g);
    return evaluate(g, g.inputs.length > 0 ? { x } : {});
  };
  const input = (g: Graph) => g.input('x', 'float32', ['B', 4]);

  test('float, also a whole one', async () => {
    const { y } = await unary((g) => g.output('y', g.op('LeakyRelu', input(g), { alpha: float(2) }), [1, 4]));
    expect(y.data).toEqual([-8, 1, 2, 3]);
  });
  test('int, also a negative one', async () => {
    const { y } = await unary((g) => g.output('y', g.op('Flatten', input(g), { axis: -2 }), ['a', 'b']));
    expect(y.dims).toEqual([1, 4]);
  });
  test('ints', async () => {
    const { y } = await unary((g) => g.output('y', g.op('Transpose', input(g), { perm: [1, 0] }), [4, 'B']));
    expect(y.dims).toEqual([4, 1]);
  });
  test('string', async () => {
    const { y } = await unary((g) => {
      const grid = g.op('Reshape', input(g), g.initializer(int64([4], [1, 4, 1, 1])));
      g.output('y', g.op('DepthToSpace', grid, { blocksize: 2, mode: 'CRD' }), [1, 1, 2, 2]);
    });
    expect(y).toEqual({ dims: [1, 1, 2, 2], type: 'float32', data: [-4, 1, 2, 3] });
  });
  test('floats, whole ones among them', async () => {
    const { y } = await unary((g) => {
      const [y] = g.node({ op: 'Constant', inputs: [], attributes: { value_floats: floats([1, 2.5]) } });
      g.output('y', y, [2]);
    });
    expect(y.data).toEqual([1, 2.5]);
  });
  test('tensor', async () => {
    const { y } = await unary((g) => {
      const shape = g.initializer(int64([1], [3]));
      g.output('y', g.op('ConstantOfShape', shape, { value: float32([1], [7]) }), [3]);
    });
    expect(y.data).toEqual([7, 7, 7]);
  });
  test('strings, through an operator that only takes those', async () => {
    const g = new Graph('strings');
    const ids = g.input('ids', 'int64', ['n']);
    const attributes = { keys_int64s: [1, 2], values_strings: ['one', 'two'], default_string: '?' };
    const [words] = g.node({
      op: 'LabelEncoder',
      domain: 'ai.onnx.ml',
      inputs: [ids],
      attributes,
      results: ['uint8'],
    });
    const back = { keys_strings: ['one', 'two'], values_int64s: [10, 20], default_int64: -1 };
    const [codes] = g.node({
      op: 'LabelEncoder',
      domain: 'ai.onnx.ml',
      inputs: [words],
      attributes: back,
      results: ['int64'],
    });
    g.output('codes', codes, ['n']);
    expect((await evaluate(g, { ids: i64([3], [2, 5, 1]) })).codes.data).toEqual([20, -1, 10]);
  });
  test('graphs, which see the values around them, even after these are renamed', async () => {
    const g = new Graph('branches');
    const value = g.input('x', 'float32', ['B', 4]);
    const doubled = g.op('Mul', value, 2);
    const [yes, no] = [g.subgraph('then'), g.subgraph('else')];
    yes.output('then_y', yes.op('Add', doubled, 1), ['B', 4]);
    no.output('else_y', no.op('Neg', doubled), ['B', 4]);
    const positive = g.op('Greater', g.op('ReduceMax', value, { keepdims: 0 }), 5);
    const attributes = { then_branch: yes, else_branch: no };
    g.output('doubled', doubled, ['B', 4]);
    g.output('y', g.node({ op: 'If', inputs: [positive], attributes, results: ['float32'] })[0], ['B', 4]);
    expect((await evaluate(g, { x })).y.data).toEqual([8, -2, -4, -6]);
    expect((await evaluate(g, { x: f32([1, 4], [0, 0, 0, 6]) })).y.data).toEqual([1, 1, 1, 13]);
  });
});

describe('the file', () => {
  const build = () => {
    const g = new Graph('same');
    const x = g.input('x', 'float32', ['n', 4]);
    const parts = g.node({
      op: 'Split',
      inputs: [x],
      attributes: { axis: 1 },
      results: ['float32', 'float32'],
    });
    g.output('a', parts[0], ['n', 2]);
    g.output('b', g.op('Clip', parts[1], null, 1), ['n', 2]);
    return g;
  };

  test('has the same bytes each time it is built', () => {
    expect(encodeModel(build(), HEADER)).toEqual(encodeModel(build(), HEADER));
  });
  test('holds nodes with several results, left-out operands and free dimensions', async () => {
    const session = await open(build());
    for (const n of [1, 3]) {
      const x = f32(
        [n, 4],
        Array.from({ length: 4 * n }, (_, i) => i),
      );
      const { a, b } = await session.run({ x });
      expect(a.dims).toEqual([n, 2]);
      expect(Array.from(b.data as Float32Array).slice(0, 2)).toEqual([1, 1]);
    }
  });
  test('runs operators of the runtime’s own domain', async () => {
    const g = new Graph('fused');
    const a = g.input('a', 'float32', [1, 2]);
    const attributes = { transB: 1, alpha: float(3) };
    const [y] = g.node({ op: 'FusedMatMul', domain: 'com.microsoft', inputs: [a, a], attributes });
    g.output('y', y, [1, 1]);
    expect((await evaluate(g, { a: f32([1, 2], [1, 2]) })).y.data).toEqual([15]);
  });

  describe('with weights beside it', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'onnx-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    test('reads each tensor from its offset', async () => {
      const g = new Graph('stored');
      const stored = { type: 'float32', file: 'weights.data' } as const;
      const first = g.initializer({ ...stored, dims: [2], offset: 4, length: 8 }, 'first');
      const second = g.initializer({ ...stored, dims: [], offset: 12, length: 4 }, 'second');
      g.output('y', g.op('Mul', first, second), [2]);
      await writeFile(join(folder, 'weights.data'), Float32Array.of(9, 1, 2, 5));
      await writeFile(join(folder, 'model.onnx'), encodeModel(g, HEADER));
      const session = await openFile(join(folder, 'model.onnx'));
      const { y } = await session.run({});
      expect(Array.from(y.data as Float32Array)).toEqual([5, 10]);
    });
  });
});
