import type { Graph, Node } from './graph.js';
import { walkSizes } from './infer-sizes.js';
import type { Facts } from './infer-sizes.js';

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);

export interface OperationCount {
  readonly operations: number;
  /** Sizes of the graph's outputs, by name. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

/**
 * Floating point operations of one run with inputs of these sizes, two for each multiplication with its addition:
 * matrix products, convolutions and attention. What is done once for each element is not counted.
 */
export function countOperations(
  graph: Graph,
  inputs: Readonly<Record<string, readonly number[]>>,
): OperationCount {
  let operations = 0;
  const outputs = walkSizes(graph, inputs, (node, given, [result]) => {
    operations += 2 * multiplications(node, given, result);
  });
  return { operations, outputs };
}

function multiplications({ op }: Node, [a, b]: readonly (Facts | undefined)[], result: Facts): number {
  if (a === undefined || b === undefined) return 0;
  switch (op) {
    case 'Conv':
    case 'NhwcConv':
      // Each number of the result takes a kernel's worth of the weights of its channel.
      return product(result.dims) * product(b.dims.slice(1));
    case 'Gemm':
    case 'MatMul':
      return product(result.dims) * a.dims[a.dims.length - 1];
    case 'MultiHeadAttention':
      // Scores, and the values weighed by them.
      return 2 * product(a.dims) * b.dims[1];
    default:
      return 0;
  }
}
