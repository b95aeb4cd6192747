import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Graph } from '../../networks/onnx/index.js';
import { encodeModel } from '../../networks/onnx/index.js';

export const HEADER = { producer: 'tests', version: '1' };

export const open = (graph: Graph): Promise<InferenceSession> =>
  InferenceSession.create(encodeModel(graph, HEADER), { enableMemPattern: false });

export const openFile = (path: string): Promise<InferenceSession> =>
  InferenceSession.create(path, { enableMemPattern: false });

export const f32 = (dims: readonly number[], values: Iterable<number>): Tensor =>
  new Tensor('float32', values instanceof Float32Array ? values : Float32Array.from(values), [...dims]);

export const i64 = (dims: readonly number[], values: readonly number[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [...dims]);

/** Builds, loads and runs a graph; gives each output's dimensions and numbers. */
export async function evaluate(graph: Graph, feeds: Record<string, Tensor> = {}) {
  const session = await open(graph);
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, type, data }]) => [
      name,
      { dims: [...dims], type, data: Array.from(data as Iterable<number | bigint>, Number) },
    ]),
  );
}
