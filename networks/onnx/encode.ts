import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Attribute } from './attribute.js';
import { FloatAttribute } from './attribute.js';
import { GraphError } from './graph-error.js';
import type { Node, Port, Value } from './graph.js';
import { Graph } from './graph.js';
import type { Tensor } from './tensor.js';
import { ELEMENT_TYPES } from './tensor.js';

/** Operator sets of every file: ONNX's own, and the runtime's fused operators. */
const OPSETS = [
  { domain: '', version: 17 },
  { domain: 'com.microsoft', version: 1 },
] as const;
const IR_VERSION = 8;
/** A protobuf message ends at 2 GiB; some room is left for the structure around the weights. */
const MAX_INLINE_BYTES = 2 ** 31 - 2 ** 24;

/** Numbers of AttributeProto.AttributeType. */
const KIND = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

export interface ModelHeader {
  readonly producer: string;
  readonly version: string;
}

/** The bytes of a `.onnx` file (ModelProto). Throws for a graph without outputs or with over 2 GiB of inline weights. */
export function encodeModel(graph: Graph, header: ModelHeader): Uint8Array {
  let inline = 0;
  for (const tensor of graph.initializers.values()) if ('data' in tensor) inline += tensor.data.byteLength;
  if (inline > MAX_INLINE_BYTES) {
    throw new GraphError(`Graph '${graph.name}': ${inline} bytes of inline weights, ${MAX_INLINE_BYTES} fit`);
  }
  const w = new BinaryWriter();
  int(w, 1, IR_VERSION);
  text(w, 2, header.producer);
  text(w, 3, header.version);
  message(w, 7, () => writeGraph(w, graph));
  for (const { domain, version } of OPSETS) {
    message(w, 8, () => {
      text(w, 1, domain);
      int(w, 2, version);
    });
  }
  return w.finish();
}

function writeGraph(w: BinaryWriter, graph: Graph): void {
  if (graph.outputs.length === 0) throw new GraphError(`Graph '${graph.name}' has no outputs`);
  for (const node of graph.nodes) message(w, 1, () => writeNode(w, graph, node));
  text(w, 2, graph.name);
  for (const [value, tensor] of graph.initializers) {
    message(w, 5, () => writeTensor(w, tensor, graph.nameOf(value)));
  }
  for (const port of graph.inputs) message(w, 11, () => writePort(w, graph, port));
  for (const port of graph.outputs) message(w, 12, () => writePort(w, graph, port));
}

function writeNode(w: BinaryWriter, graph: Graph, node: Node): void {
  const name = (value: Value | null) => (value === null ? '' : graph.nameOf(value));
  for (const input of node.inputs) text(w, 1, name(input));
  for (const output of node.outputs) text(w, 2, name(output));
  text(w, 3, node.name);
  text(w, 4, node.op);
  for (const [key, value] of Object.entries(node.attributes)) {
    message(w, 5, () => {
      text(w, 1, key);
      int(w, 20, writeAttributeValue(w, value));
    });
  }
  if (node.domain !== '') text(w, 7, node.domain);
}

/** Writes the value and returns the number of its kind. */
function writeAttributeValue(w: BinaryWriter, value: Attribute): number {
  if (typeof value === 'number') {
    int(w, 3, value);
    return KIND.int;
  }
  if (typeof value === 'string') {
    text(w, 4, value);
    return KIND.string;
  }
  if (value instanceof FloatAttribute) return writeFloats(w, value);
  if (value instanceof Graph) {
    message(w, 6, () => writeGraph(w, value));
    return KIND.graph;
  }
  if ('dims' in value) {
    message(w, 5, () => writeTensor(w, value, ''));
    return KIND.tensor;
  }
  for (const entry of value) {
    if (typeof entry === 'number') int(w, 8, entry);
    else text(w, 9, entry);
  }
  return typeof value[0] === 'string' ? KIND.strings : KIND.ints;
}

function writeFloats(w: BinaryWriter, { values }: FloatAttribute): number {
  if (typeof values === 'number') {
    w.tag(2, WireType.Bit32).float(values);
    return KIND.float;
  }
  for (const value of values) w.tag(7, WireType.Bit32).float(value);
  return KIND.floats;
}

function writeTensor(w: BinaryWriter, tensor: Tensor, name: string): void {
  for (const dim of tensor.dims) int(w, 1, dim);
  int(w, 2, ELEMENT_TYPES[tensor.type].code);
  if (name !== '') text(w, 8, name);
  if ('data' in tensor) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    w.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(buffer, byteOffset, byteLength));
    return;
  }
  const entries = { location: tensor.file, offset: String(tensor.offset), length: String(tensor.length) };
  for (const [key, value] of Object.entries(entries)) {
    message(w, 13, () => {
      text(w, 1, key);
      text(w, 2, value);
    });
  }
  int(w, 14, 1);
}

function writePort(w: BinaryWriter, graph: Graph, { value, dims }: Port): void {
  text(w, 1, graph.nameOf(value));
  message(w, 2, () =>
    message(w, 1, () => {
      int(w, 1, ELEMENT_TYPES[value.type].code);
      message(w, 2, () => {
        for (const dim of dims) {
          message(w, 1, () => (typeof dim === 'number' ? int(w, 1, dim) : text(w, 2, dim)));
        }
      });
    }),
  );
}

function int(w: BinaryWriter, field: number, value: number): void {
  w.tag(field, WireType.Varint).int64(value);
}

function text(w: BinaryWriter, field: number, value: string): void {
  w.tag(field, WireType.LengthDelimited).string(value);
}

function message(w: BinaryWriter, field: number, write: () => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write();
  w.join();
}
