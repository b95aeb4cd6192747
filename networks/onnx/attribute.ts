import { GraphError } from './graph-error.js';
import type { Graph } from './graph.js';
import type { Tensor } from './tensor.js';

/** A float attribute. ONNX tells 1 and 1.0 apart and JavaScript does not, so floats are always marked. */
export class FloatAttribute {
  constructor(readonly values: number | readonly number[]) {}
}

export const float = (value: number): FloatAttribute => new FloatAttribute(value);
export const floats = (values: readonly number[]): FloatAttribute => new FloatAttribute(values);

/** Plain numbers are integers, plain lists are integers or strings; `float` and `floats` mark the rest. */
export type Attribute =
  number | string | readonly number[] | readonly string[] | FloatAttribute | Tensor | Graph;

export type Attributes = Readonly<Record<string, Attribute>>;

/** Throws for a number that would be written as an integer without being one. */
export function checkAttribute(node: string, name: string, value: Attribute): void {
  const numbers = typeof value === 'number' ? [value] : Array.isArray(value) ? value : [];
  for (const n of numbers) {
    if (typeof n === 'number' && !Number.isSafeInteger(n)) {
      throw new GraphError(`Node '${node}', attribute '${name}': ${n} is no integer; write float(${n})`);
    }
  }
}
