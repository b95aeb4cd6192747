import { describe, expect, test } from '@jest/globals';
import type { Value } from '../../../networks/onnx/index.js';
import { encodeModel, float, Graph, GraphError } from '../../../networks/onnx/index.js';
import { evaluate, f32, HEADER } from '../session.js';

const withInput = () => {
  const g = new Graph('test');
  return { g, x: g.input('x', 'float32', ['n']) };
};

describe('building a graph', () => {
  test('a number becomes a constant of its partner’s type', async () => {
    const { g, x } = withInput();
    g.output('y', g.op('Mul', g.op('Add', x, 1), 2), ['n']);
    g.output('n', g.op('Mul', g.op('Size', x), 3), []);
    const { y, n } = await evaluate(g, { x: f32([2], [1, 2]) });
    expect(y.data).toEqual([4, 6]);
    expect(n).toEqual({ dims: [], type: 'int64', data: [9 - 3] });
  });

  test('a number in Where takes the type of the branches, not of the condition', async () => {
    const { g, x } = withInput();
    g.output('y', g.op('Where', g.op('Less', x, 0), -7, x), ['n']);
    expect((await evaluate(g, { x: f32([2], [-1, 2]) })).y.data).toEqual([-7, 2]);
  });

  test('equal constants are stored once, and 0 apart from -0', () => {
    const { g, x } = withInput();
    for (const constant of [2, 2, 0, -0]) g.op('Mul', x, constant);
    expect(g.initializers.size).toBe(3);
  });

  test('a result keeps its name at every place of use, named before or after', async () => {
    const { g, x } = withInput();
    const y = g.op('Add', x, 1);
    const before = g.op('Mul', y, 2);
    g.output('y', y, ['n']);
    g.output('z', g.op('Sub', before, y), ['n']);
    const { y: first, z } = await evaluate(g, { x: f32([1], [4]) });
    expect([first.data, z.data]).toEqual([[5], [5]]);
  });

  test('an input, a constant and one value under two names can all be outputs', async () => {
    const { g, x } = withInput();
    const y = g.op('Neg', x);
    g.output('x again', x, ['n']);
    g.output('two', g.scalar('float32', 2), []);
    g.output('y', y, ['n']);
    g.output('y again', y, ['n']);
    const results = await evaluate(g, { x: f32([1], [3]) });
    expect(Object.values(results).map(({ data }) => data)).toEqual([[3], [2], [-3], [-3]]);
  });

  test('scopes prefix names, nest, and end even when building fails', () => {
    const { g, x } = withInput();
    g.scope('outer', () => g.scope('inner', () => g.op('Neg', x)));
    expect(() =>
      g.scope('failing', () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    g.op('Neg', x);
    expect(g.nodes.map(({ name }) => name)).toEqual(['outer/inner/Neg_0', 'Neg_0']);
  });

  test('a made-up name steps aside for one that was given', () => {
    const { g, x } = withInput();
    g.input('Neg_0', 'float32', []);
    expect(g.nameOf(g.op('Neg', x))).toBe('Neg_1');
  });

  test('results have the element type that the operator gives', () => {
    const { g, x } = withInput();
    const less = g.op('Less', x, 0);
    const types = [less, g.op('Shape', x), g.op('Cast', x, { to: 10 }), g.op('Where', less, x, x)].map(
      (v) => v.type,
    );
    expect(types).toEqual(['bool', 'int64', 'float16', 'float32']);
  });
});

describe('mistakes are refused where they are made', () => {
  const refused = (build: (g: Graph, x: Value) => unknown, message: RegExp) => {
    const { g, x } = withInput();
    expect(() => build(g, x)).toThrow(GraphError);
    expect(() => build(g, x)).toThrow(message);
  };
  const foreign = () => withInput().x;

  test('a value of another graph', () => {
    refused((g, x) => g.op('Add', x, foreign()), /Node 'Add_\d', input 1: the value belongs to graph 'test'/);
    refused((g) => g.output('y', foreign(), []), /Output 'y': the value belongs/);
  });
  test('something that is no value', () => {
    refused(
      (g, x) => g.op('Add', x, undefined as unknown as Value),
      /input 1: expected a value, got undefined/,
    );
  });
  test('a name used twice, for inputs, initializers and outputs alike', () => {
    refused((g) => g.input('x', 'float32', []), /the name 'x' is taken/);
    refused(
      (g) => g.initializer({ type: 'float32', dims: [], data: new Float32Array(1) }, 'x'),
      /'x' is taken/,
    );
    refused((g, x) => g.output('x', g.op('Neg', x), []), /'x' is taken/);
  });
  test('an empty name', () => refused((g) => g.input('', 'float32', []), /must not be empty/));
  test('operands of different types', () => {
    refused((g, x) => g.op('Mul', x, g.op('Shape', x)), /Mul takes operands of one type, got float32, int64/);
  });
  test('a fraction beside integers', () => {
    refused(
      (g, x) => g.op('Mul', g.op('Shape', x), 0.5),
      /Expected an integer for a constant of type int64, got 0.5/,
    );
  });
  test('a number with no value to take its type from', () => {
    refused((g) => g.op('Add', 1, 2), /a number needs a value beside it/);
  });
  test('a fraction as an integer attribute', () => {
    refused(
      (g, x) => g.op('LeakyRelu', x, { alpha: 0.5 }),
      /attribute 'alpha': 0.5 is no integer; write float\(0.5\)/,
    );
    expect(() => withInput().g.op('LeakyRelu', withInput().x, { alpha: float(0.5) })).toThrow(/belongs/);
  });
  test('a tensor whose data does not fit its dimensions', () => {
    const tensor = { type: 'int64', dims: [2, 2], data: new BigInt64Array(3) } as const;
    refused((g) => g.initializer(tensor, 'weights'), /'weights': int64 \[2, 2\] takes 32 bytes, got 24/);
    refused((g, x) => g.op('Cast', x, { to: 10, like: tensor }), /takes 32 bytes/);
  });
  test('a stored tensor with a wrong length, a bad offset or a path out of the folder', () => {
    const stored = { type: 'float16', dims: [4], file: 'unet.data', offset: 0, length: 8 } as const;
    refused((g) => g.initializer({ ...stored, length: 9 }), /takes 8 bytes, got 9/);
    refused((g) => g.initializer({ ...stored, offset: -1 }), /offset of 0 or more, got -1/);
    refused(
      (g) => g.initializer({ ...stored, file: '../unet.data' }),
      /plain file name, got '..\/unet.data'/,
    );
  });
  test('a subgraph of another graph, and a node with subgraphs whose result types are not said', () => {
    refused((g, x) => g.op('If', x, { then_branch: new Graph('stray') }), /expected a subgraph of 'test'/);
    refused((g, x) => g.op('If', x, { then_branch: g.subgraph('then') }), /say the result types of If/);
  });
  test('a graph without outputs', () => {
    refused((g) => encodeModel(g, HEADER), /Graph 'test' has no outputs/);
  });
  test('more inline weights than a file can hold', () => {
    const { g, x } = withInput();
    g.output('y', g.op('Neg', x), ['n']);
    // Never read: the length alone is over the limit.
    const huge = { byteLength: 2 ** 31, byteOffset: 0, buffer: new ArrayBuffer(0) } as ArrayBufferView;
    g.initializer({ type: 'uint8', dims: [2 ** 31], data: huge });
    expect(() => encodeModel(g, HEADER)).toThrow(/2147483648 bytes of inline weights/);
  });
});
