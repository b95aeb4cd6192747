import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openSvdCheckpoint, buildSvdGraphs } from '../../../networks/svd/index.js';
import type { GraphForm, SvdCheckpoint, SvdGraphs } from '../../../networks/svd/index.js';
import type { Graph } from '../../../networks/onnx/index.js';
import { TINY } from './tiny.js';

const open: SvdCheckpoint[] = [];
afterAll(() => open.forEach((checkpoint) => checkpoint.close()));

function build(form: Partial<GraphForm>): SvdGraphs {
  const checkpoint = openSvdCheckpoint(TINY);
  open.push(checkpoint);
  return buildSvdGraphs(
    checkpoint,
    { target: 'portable', precision: 'fp32', plain: false, ...form },
    { maxFrames: 16 },
  );
}

const count = (graph: Graph, op: string, where: (name: string) => boolean = () => true) =>
  graph.nodes.filter((node) => node.op === op && where(node.name)).length;

/** Bytes of the weights that one graph refers to. */
const weightBytes = (graph: Graph) =>
  [...graph.initializers.values()].reduce((sum, tensor) => sum + ('file' in tensor ? tensor.length : 0), 0);
const names = (graph: Graph) => [...graph.initializers.keys()].map((value) => graph.nameOf(value));

let saving: SvdGraphs;
let plain: SvdGraphs;
beforeAll(() => {
  saving = build({});
  plain = build({ plain: true });
});

test('cross-attention to one token needs no attention and none of its queries and keys', () => {
  // Four transformers of one spatial and one temporal block, each of which attends to itself and to the context.
  expect(count(plain.unet, 'Softmax')).toBe(16);
  expect(count(saving.unet, 'MultiHeadAttention')).toBe(8);
  expect(names(saving.unet).filter((name) => /attn2\.to_[qk]/.test(name))).toEqual([]);
  expect(names(plain.unet).filter((name) => /attn2\.to_[qk]/.test(name))).toHaveLength(16);
});

test('the embedding is projected for all blocks in one product', () => {
  const projections = names(saving.unet).filter((name) => name.includes('time_emb_proj.weight'));
  expect(projections).toHaveLength(1);
  // 2 · Σ outputs of the eight residual blocks, times the embedding's width.
  const [value] = [...saving.unet.initializers].filter(([v]) => saving.unet.nameOf(v) === projections[0]);
  expect(value[1].dims).toEqual([2 * (32 + 64 + 64 + 64 + 64 + 64 + 32 + 32), 128]);
});

test('convolutions over frames are two-dimensional and no blend remains in a residual block', () => {
  const kernels = (graph: Graph) =>
    graph.nodes.filter(({ op }) => op === 'Conv').map(({ attributes }) => attributes.kernel_shape);
  expect(kernels(saving.unet).every((kernel) => Array.isArray(kernel) && kernel.length === 2)).toBe(true);
  expect(kernels(plain.unet).some((kernel) => Array.isArray(kernel) && kernel.length === 3)).toBe(true);
  expect(count(saving.vae_decoder, 'Mul')).toBeLessThan(count(plain.vae_decoder, 'Mul'));
});

test('the frames’ embeddings are tables as long as the longest clip', () => {
  const tables = [...saving.unet.initializers].filter(([v]) => saving.unet.nameOf(v).endsWith('.table'));
  expect(tables.map(([, { dims }]) => dims)).toEqual([
    [16, 32],
    [16, 64],
    [16, 32],
    [16, 32],
  ]);
});

test('the encoder’s 1×1 convolution and the half of its outputs that nobody reads are gone', () => {
  expect(names(saving.vae_encoder).some((name) => name.startsWith('quant_conv'))).toBe(false);
  const [mean] = [...saving.vae_encoder.initializers].filter(
    ([v]) => saving.vae_encoder.nameOf(v) === 'encoder.mean.weight',
  );
  expect(mean[1].dims).toEqual([4, 32, 3, 3]);
});

test('what is saved need not be stored', () => {
  expect(weightBytes(saving.unet)).toBeLessThan(0.97 * weightBytes(plain.unet));
});

test('half-precision weights take half the room', () => {
  const ratio = build({ precision: 'fp16' }).weights.length / saving.weights.length;
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(0.51);
});
