import type { Graph, Value } from './graph.js';
import type { ElementType } from './tensor.js';
import { ELEMENT_TYPES, int64 } from './tensor.js';

/** A size known now, or one measured while the graph runs (int64 [1], or [k] for k sizes at once). */
export type Size = number | Value;

/** int64 [k] constant, the form in which operators take axes, shapes and indices. */
export const integers = (g: Graph, values: readonly number[]): Value =>
  g.initializer(int64([values.length], values));

/** The sizes of axes `start` up to but not including `end` of x: int64 [end − start]. */
export const sizesOf = (g: Graph, x: Value, start: number, end?: number): Value =>
  g.op('Shape', x, end === undefined ? { start } : { start, end });

/** Joins sizes into a shape: int64 [n]. */
export function shape(g: Graph, sizes: readonly Size[]): Value {
  const parts: Value[] = [];
  let known: number[] = [];
  const flush = () => {
    if (known.length > 0) parts.push(integers(g, known));
    known = [];
  };
  for (const size of sizes) {
    if (typeof size === 'number') known.push(size);
    else {
      flush();
      parts.push(size);
    }
  }
  flush();
  return parts.length === 1 ? parts[0] : g.op('Concat', ...parts, { axis: 0 });
}

/** x with another shape; one size may be −1. */
export const reshape = (g: Graph, x: Value, sizes: readonly Size[]): Value =>
  g.op('Reshape', x, shape(g, sizes));

export const transpose = (g: Graph, x: Value, perm: readonly number[]): Value =>
  g.op('Transpose', x, { perm });

/** Elements `start` up to but not including `end` of one axis; negative bounds count from the end. */
export function slice(g: Graph, x: Value, axis: number, start: Size, end: Size, step = 1): Value {
  const bound = (size: Size) => (typeof size === 'number' ? integers(g, [size]) : size);
  return g.op('Slice', x, bound(start), bound(end), integers(g, [axis]), integers(g, [step]));
}

/** Cuts x along an axis into pieces of these sizes. */
export const split = (g: Graph, x: Value, axis: number, sizes: readonly number[]): readonly Value[] =>
  g.node({
    op: 'Split',
    inputs: [x, integers(g, sizes)],
    attributes: { axis },
    results: sizes.map(() => x.type),
  });

export const concat = (g: Graph, parts: readonly Value[], axis: number): Value =>
  g.op('Concat', ...parts, { axis });

export const unsqueeze = (g: Graph, x: Value, axes: readonly number[]): Value =>
  g.op('Unsqueeze', x, integers(g, axes));

export const squeeze = (g: Graph, x: Value, axes: readonly number[]): Value =>
  g.op('Squeeze', x, integers(g, axes));

export const expand = (g: Graph, x: Value, sizes: readonly Size[]): Value =>
  g.op('Expand', x, shape(g, sizes));

export const cast = (g: Graph, x: Value, type: ElementType): Value =>
  g.op('Cast', x, { to: ELEMENT_TYPES[type].code });

/** Sum over axes, which stay with size 1. */
export const sumOver = (g: Graph, x: Value, axes: readonly number[]): Value =>
  g.op('ReduceSum', x, integers(g, axes), { keepdims: 1 });

/** Mean over axes, which stay with size 1. */
export const meanOver = (g: Graph, x: Value, axes: readonly number[]): Value =>
  g.op('ReduceMean', x, { axes, keepdims: 1 });

/** 0, 1, …, count − 1 as [count], for an int64 [1] count. */
export function counting(g: Graph, count: Value, type: ElementType): Value {
  const indices = g.op('Range', 0, squeeze(g, count, [0]), 1);
  return type === 'int64' ? indices : cast(g, indices, type);
}
