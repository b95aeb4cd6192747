import type { Attributes } from './attribute.js';
import { GraphError } from './graph-error.js';
import type { Graph, Node, Value } from './graph.js';
import type { Tensor } from './tensor.js';

/** What one run would make of a value: its sizes and, of the integers from which sizes are computed, the numbers. */
export interface Facts {
  readonly dims: readonly number[];
  readonly numbers?: readonly number[];
}

type Rule = (inputs: readonly (Facts | undefined)[], attributes: Attributes, results: number) => Facts[];

/** Called for each node with the facts of its inputs and outputs. */
export type NodeVisitor = (
  node: Node,
  inputs: readonly (Facts | undefined)[],
  outputs: readonly Facts[],
) => void;

/**
 * Walks through a graph as a run with inputs of these sizes would, without computing anything but sizes. Knows the
 * operators that the networks here are made of. Gives the sizes of the graph's outputs by name.
 * @throws GraphError for an input without sizes and an operator without a rule
 */
export function walkSizes(
  graph: Graph,
  inputs: Readonly<Record<string, readonly number[]>>,
  visit: NodeVisitor,
): Readonly<Record<string, readonly number[]>> {
  const facts = new Map<Value, Facts>();
  for (const { value } of graph.inputs) {
    const name = graph.nameOf(value);
    if (inputs[name] === undefined) throw new GraphError(`Graph '${graph.name}': say the sizes of '${name}'`);
    facts.set(value, { dims: inputs[name] });
  }
  for (const [value, tensor] of graph.initializers) facts.set(value, factsOf(tensor));
  for (const node of graph.nodes) {
    const rule = RULES[node.op];
    if (rule === undefined)
      throw new GraphError(`Node '${node.name}': no rule gives the sizes of ${node.op}`);
    const given = node.inputs.map((value) => (value === null ? undefined : facts.get(value)));
    const results = rule(given, node.attributes, node.outputs.length);
    node.outputs.forEach((value, i) => facts.set(value, results[i]));
    visit(node, given, results);
  }
  return Object.fromEntries(
    graph.outputs.map(({ value }) => [graph.nameOf(value), need(facts.get(value)).dims]),
  );
}

const factsOf = (tensor: Tensor): Facts =>
  'data' in tensor && tensor.data instanceof BigInt64Array
    ? { dims: tensor.dims, numbers: Array.from(tensor.data, Number) }
    : { dims: tensor.dims };

const need = (facts: Facts | undefined): Facts => {
  if (facts === undefined) throw new GraphError('An input is missing whose sizes decide those of the result');
  return facts;
};
const numbersOf = (facts: Facts | undefined): readonly number[] => {
  const { numbers } = need(facts);
  if (numbers === undefined) throw new GraphError('A size depends on what the graph computes');
  return numbers;
};

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);
const from = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const size = (dims: readonly number[], i: number) => dims[i - rank + dims.length] ?? 1;
  return Array.from({ length: rank }, (_, i) => (size(a, i) === 1 ? size(b, i) : size(a, i)));
}

const same: Rule = ([x]) => [need(x)];
const sizesOnly: Rule = ([x]) => [{ dims: need(x).dims }];

/** Element by element, also on the numbers of which sizes are made. */
const elementwise =
  (combine: (a: number, b: number) => number): Rule =>
  ([first, second]) => {
    const [a, b] = [need(first), need(second)];
    const dims = broadcast(a.dims, b.dims);
    if (a.numbers === undefined || b.numbers === undefined) return [{ dims }];
    const [left, right] = [a.numbers, b.numbers];
    const at = (numbers: readonly number[], i: number) => numbers[numbers.length === 1 ? 0 : i];
    return [
      { dims, numbers: Array.from({ length: product(dims) }, (_, i) => combine(at(left, i), at(right, i))) },
    ];
  };

const reshape: Rule = ([x, shape]) => {
  const { dims, ...rest } = need(x);
  const wanted = numbersOf(shape).map((size, i) => (size === 0 ? dims[i] : size));
  const known = product(wanted.filter((size) => size !== -1));
  return [{ ...rest, dims: wanted.map((size) => (size === -1 ? product(dims) / known : size)) }];
};

const slice: Rule = ([x, start, end, axis, step]) => {
  const { dims } = need(x);
  const [at] = numbersOf(axis);
  const within = (bound: number) => Math.min(Math.max(from(bound, dims[at]), 0), dims[at]);
  const length = within(numbersOf(end)[0]) - within(numbersOf(start)[0]);
  const sliced = Math.max(0, Math.ceil(length / numbersOf(step)[0]));
  return [{ dims: dims.map((size, i) => (i === at ? sliced : size)) }];
};

const concat: Rule = (inputs, { axis }) => {
  const parts = inputs.map(need);
  const [{ dims }] = parts;
  const at = from(Number(axis), dims.length);
  const joined = parts.reduce((sum, part) => sum + part.dims[at], 0);
  const numbers = parts.flatMap((part) => part.numbers ?? []);
  const result = { dims: dims.map((size, i) => (i === at ? joined : size)) };
  return [parts.every((part) => part.numbers !== undefined) ? { ...result, numbers } : result];
};

const split: Rule = ([x, sizes], { axis }, results) => {
  const { dims } = need(x);
  const at = from(Number(axis), dims.length);
  const parts = sizes === undefined ? new Array<number>(results).fill(dims[at] / results) : numbersOf(sizes);
  return parts.map((part) => ({ dims: dims.map((size, i) => (i === at ? part : size)) }));
};

/** @param channels axis of the channels in map and kernel: 1 for [n, C, h, w], the last for [n, h, w, C] */
const convolution =
  (channels: 'first' | 'last'): Rule =>
  ([x, weight], { kernel_shape, strides, pads }) => {
    const [map, kernel] = [need(x).dims, kernel_shape as readonly number[]];
    const spatial = channels === 'first' ? map.slice(2) : map.slice(1, -1);
    const [steps, around] = [strides as readonly number[] | undefined, pads as readonly number[]];
    const sizes = spatial.map((size, i) =>
      Math.floor((size + around[i] + around[i + kernel.length] - kernel[i]) / (steps?.[i] ?? 1) + 1),
    );
    const [outputs] = need(weight).dims;
    return [{ dims: channels === 'first' ? [map[0], outputs, ...sizes] : [map[0], ...sizes, outputs] }];
  };

const matrixProduct: Rule = ([first, second]) => {
  const [a, b] = [need(first).dims, need(second).dims];
  return [{ dims: [...broadcast(a.slice(0, -2), b.slice(0, -2)), a[a.length - 2], b[b.length - 1]] }];
};

const RULES: Readonly<Record<string, Rule | undefined>> = {
  Identity: same,
  Cast: same,
  ...Object.fromEntries(
    ['Cos', 'Sin', 'Sigmoid', 'Gelu', 'QuickGelu', 'Softmax', 'MultiHeadAttention'].map((op) => [
      op,
      sizesOnly,
    ]),
  ),
  InstanceNormalization: sizesOnly,
  LayerNormalization: sizesOnly,
  SkipLayerNormalization: sizesOnly,
  GroupNorm: sizesOnly,
  Add: elementwise((a, b) => a + b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => Math.trunc(a / b)),
  Shape: ([x], { start = 0, end }) => {
    const numbers = need(x).dims.slice(Number(start), end === undefined ? undefined : Number(end));
    return [{ dims: [numbers.length], numbers }];
  },
  Reshape: reshape,
  Transpose: ([x], { perm }) => [{ dims: (perm as readonly number[]).map((i) => need(x).dims[i]) }],
  Unsqueeze: ([x, axes]) => {
    const [{ dims, ...rest }, at] = [need(x), numbersOf(axes)];
    const left = [...dims];
    const all = Array.from({ length: dims.length + at.length }, (_, i) =>
      at.includes(i) ? 1 : (left.shift() ?? 1),
    );
    return [{ ...rest, dims: all }];
  },
  Squeeze: ([x, axes]) => {
    const { dims, ...rest } = need(x);
    return [{ ...rest, dims: dims.filter((_, i) => !numbersOf(axes).includes(i)) }];
  },
  Expand: ([x, shape]) => [{ dims: broadcast(need(x).dims, numbersOf(shape)) }],
  Slice: slice,
  Concat: concat,
  Split: split,
  Range: ([start, end, step]) => {
    const length = (numbersOf(end)[0] - numbersOf(start)[0]) / numbersOf(step)[0];
    return [{ dims: [Math.max(0, Math.ceil(length))] }];
  },
  Resize: ([, , , sizes]) => [{ dims: numbersOf(sizes) }],
  Conv: convolution('first'),
  NhwcConv: convolution('last'),
  Gemm: ([x, weight]) => [{ dims: [need(x).dims[0], need(weight).dims[0]] }],
  MatMul: matrixProduct,
  BiasSplitGelu: ([x]) => {
    const { dims } = need(x);
    return [{ dims: [...dims.slice(0, -1), dims[dims.length - 1] / 2] }];
  },
};
