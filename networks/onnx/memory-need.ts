import type { Graph, Node, Value } from './graph.js';
import { walkSizes } from './infer-sizes.js';
import { elementCount, ELEMENT_TYPES } from './tensor.js';

/** Nodes whose result is their first input under another shape, in the same place. */
const VIEWS: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);
/** Nodes whose result may take the place of an input of the same size that nothing else reads any more. */
const IN_PLACE: ReadonlySet<string> = new Set([
  'Add',
  'Mul',
  'Div',
  'Sigmoid',
  'Gelu',
  'QuickGelu',
  'Softmax',
]);

export interface MemoryNeed {
  /** Bytes of what does not depend on the inputs: weights, in the type in which they are computed with. */
  readonly weights: number;
  /** The most bytes that inputs, results and everything between them take at one time. */
  readonly working: number;
  /** Sizes of the graph's outputs, by name. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

/**
 * What one run with inputs of these sizes needs, when each node takes its turn and what nothing reads any more is given
 * back at once. A runtime needs more: its kernels have room of their own, and its memory is never packed as tightly.
 * @param asked outputs that the run is asked for; all of them when left out
 * @throws GraphError as walkSizes does
 */
export function memoryNeed(
  graph: Graph,
  inputs: Readonly<Record<string, readonly number[]>>,
  asked = graph.outputs.map(({ value }) => graph.nameOf(value)),
): MemoryNeed {
  const constants = new Constants();
  for (const [value, { dims }] of graph.initializers) constants.add(value, bytesOf(value, dims));
  const buffers = new Buffers(countReads(graph, asked));
  for (const { value } of graph.inputs)
    buffers.lend(value, bytesOf(value, inputs[graph.nameOf(value)] ?? []));
  const outputs = walkSizes(graph, inputs, (node, _, results) => {
    const sizes = node.outputs.map((value, i) => bytesOf(value, results[i].dims));
    // Computed once, when the graph is loaded: what it is computed from is not kept.
    if (node.inputs.every((value) => value === null || constants.has(value))) {
      node.outputs.forEach((value, i) => constants.add(value, sizes[i]));
    } else {
      for (const value of node.inputs) constants.use(value);
      buffers.run(node, sizes);
    }
  });
  return { weights: constants.used, working: buffers.peak, outputs };
}

const bytesOf = (value: Value, dims: readonly number[]): number =>
  elementCount(dims) * ELEMENT_TYPES[value.type].bytes;

/** How often each value is read: by nodes, and without end by the caller of a run who asked for it. */
function countReads(graph: Graph, asked: readonly string[]): ReadonlyMap<Value, number> {
  const reads = new Map<Value, number>();
  const add = (value: Value, n: number) => reads.set(value, (reads.get(value) ?? 0) + n);
  for (const { inputs } of graph.nodes) for (const value of inputs) if (value) add(value, 1);
  for (const { value } of graph.outputs) if (asked.includes(graph.nameOf(value))) add(value, Infinity);
  return reads;
}

/** The values that are the same in every run, and how many bytes of them runs read. */
class Constants {
  readonly #bytes = new Map<Value, number>();
  readonly #used = new Set<Value>();
  used = 0;

  add(value: Value, bytes: number): void {
    this.#bytes.set(value, bytes);
  }

  has(value: Value): boolean {
    return this.#bytes.has(value);
  }

  use(value: Value | null): void {
    const bytes = value === null ? undefined : this.#bytes.get(value);
    if (value === null || bytes === undefined || this.#used.has(value)) return;
    this.#used.add(value);
    this.used += bytes;
  }
}

interface Buffer {
  readonly bytes: number;
  /** How often it is still to be read. */
  reads: number;
}

/** What a run holds while its nodes take their turns. */
class Buffers {
  readonly #of = new Map<Value, Buffer>();
  #live = 0;
  peak = 0;

  constructor(private readonly reads: ReadonlyMap<Value, number>) {}

  /** An input: the caller's, and never given back. */
  lend(value: Value, bytes: number): void {
    this.#of.set(value, { bytes, reads: Infinity });
    this.#live += bytes;
  }

  /** @param sizes bytes of the node's results */
  run(node: Node, sizes: readonly number[]): void {
    const read = node.inputs.flatMap((value) => this.#bufferOf(value) ?? []);
    const touched = new Set(read);
    node.outputs.forEach((value, i) => {
      const buffer = this.#reusable(node, sizes[i]) ?? this.#allocate(sizes[i]);
      buffer.reads += this.reads.get(value) ?? 0;
      this.#of.set(value, buffer);
      touched.add(buffer);
    });
    this.peak = Math.max(this.peak, this.#live);
    for (const buffer of read) buffer.reads--;
    for (const { reads, bytes } of touched) if (reads === 0) this.#live -= bytes;
  }

  #bufferOf(value: Value | null): Buffer | undefined {
    return value === null ? undefined : this.#of.get(value);
  }

  #allocate(bytes: number): Buffer {
    this.#live += bytes;
    return { bytes, reads: 0 };
  }

  /** The buffer of an input in which the node can leave a result of this size. */
  #reusable({ op, inputs }: Node, bytes: number): Buffer | undefined {
    const given = inputs.map((value) => this.#bufferOf(value));
    if (VIEWS.has(op)) return given[0];
    if (!IN_PLACE.has(op)) return undefined;
    const readHere = (buffer: Buffer) => given.filter((other) => other === buffer).length;
    return given.find((buffer) => buffer?.bytes === bytes && buffer.reads === readHere(buffer));
  }
}
