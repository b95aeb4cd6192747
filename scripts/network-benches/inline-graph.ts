import { Graph } from '../../networks/onnx/index.js';
import type { Value } from '../../networks/onnx/index.js';

/**
 * Adds the nodes of `source` to `g`, with these values in the place of its inputs. Gives its outputs by name.
 * @param weights what earlier calls for `g` stored, by place: a weight that two sources have in common is there once
 */
export function inlineGraph(
  g: Graph,
  source: Graph,
  inputs: Readonly<Record<string, Value>>,
  weights: Map<string, Value>,
): Readonly<Record<string, Value>> {
  const values = new Map<Value, Value>();
  for (const { value } of source.inputs) values.set(value, inputs[source.nameOf(value)]);
  for (const [value, tensor] of source.initializers) {
    const place = 'file' in tensor ? JSON.stringify(tensor) : undefined;
    const known = place === undefined ? undefined : weights.get(place);
    const own = known ?? g.initializer(tensor);
    if (place !== undefined) weights.set(place, own);
    values.set(value, own);
  }
  const ownOf = (value: Value): Value => {
    const own = values.get(value);
    if (own === undefined) throw new RangeError(`Graph '${source.name}': nothing is given for an input`);
    return own;
  };
  for (const { op, domain, inputs: operands, outputs, attributes } of source.nodes) {
    if (Object.values(attributes).some((attribute) => attribute instanceof Graph)) {
      throw new TypeError(`Graph '${source.name}': ${op} holds a graph, which cannot be taken over`);
    }
    const results = g.node({
      op,
      domain,
      attributes,
      inputs: operands.map((operand) => operand && ownOf(operand)),
      results: outputs.map(({ type }) => type),
    });
    outputs.forEach((output, i) => values.set(output, results[i]));
  }
  return Object.fromEntries(source.outputs.map(({ value }) => [source.nameOf(value), ownOf(value)]));
}
