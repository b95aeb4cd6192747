import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computed, readValues, SafetensorsFile, tensorsOf } from '../../../networks/checkpoint/index.js';
import { channelsLastLayers, GraphWeights } from '../../../networks/layers/index.js';
import type { Affine } from '../../../networks/layers/index.js';
import type { NodeDescription, Operand, Value } from '../../../networks/onnx/index.js';
import {
  cast,
  encodeModel,
  float32,
  Graph,
  reshape,
  slice,
  transpose,
} from '../../../networks/onnx/index.js';
import { buildSvdGraphs, openSvdCheckpoint } from '../../../networks/svd/index.js';
import type { SvdGraphs } from '../../../networks/svd/index.js';
import { WeightFile } from '../../../networks/weights/index.js';
import { f32, HEADER, openFile } from '../session.js';
import { TINY } from './tiny.js';

const TO_FIRST = [0, 3, 1, 2];
const TO_LAST = [0, 2, 3, 1];

/**
 * A graph that spells CUDA's fused operators out in standard ones, by their definitions, so that what the channels-last
 * form computes can be seen without such a device.
 */
class SpelledOutGraph extends Graph {
  override node(description: NodeDescription): [Value, ...Value[]] {
    const { op, inputs, attributes = {} } = description;
    if (op === 'NhwcConv') return [this.#convolution(inputs as Value[], attributes)];
    if (op === 'GroupNorm') return [this.#groupNorm(inputs as Value[], attributes)];
    if (op === 'BiasSplitGelu') return [this.#splitGelu(inputs as Value[])];
    return super.node(description);
  }

  #convolution([x, weight, bias]: Value[], attributes: NodeDescription['attributes']): Value {
    const result = this.op(
      'Conv',
      transpose(this, x, TO_FIRST),
      transpose(this, weight, TO_FIRST),
      bias,
      attributes!,
    );
    return transpose(this, result, TO_LAST);
  }

  #groupNorm(
    [x, gamma, beta]: Value[],
    { epsilon, groups, activation, channels_last: last }: object & Record<string, unknown>,
  ): Value {
    expect([groups, last, gamma.type, beta.type]).toEqual([32, 1, 'float32', 'float32']);
    const first = transpose(this, cast(this, x, 'float32'), TO_FIRST);
    const [ones, zeros] = [1, 0].map((n) => this.initializer(float32([32], new Array<number>(32).fill(n))));
    const normal = this.op('InstanceNormalization', reshape(this, first, [0, 32, -1]), ones, zeros, {
      epsilon: epsilon as never,
    });
    const back = transpose(this, this.op('Reshape', normal, this.op('Shape', first)), TO_LAST);
    const y = this.op('Add', this.op('Mul', back, gamma), beta);
    return cast(this, activation === 1 ? this.op('Mul', y, this.op('Sigmoid', y)) : y, x.type);
  }

  #splitGelu([x, bias]: Value[]): Value {
    const y = this.op('Add', x, bias);
    const [width] = this.initializers.get(bias)!.dims;
    const [value, gate] = [slice(this, y, 2, 0, width / 2), slice(this, y, 2, width / 2, width)];
    return this.op('Mul', value, super.node({ op: 'Gelu', domain: 'com.microsoft', inputs: [gate] })[0]);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'channels-last-'));
const recorded = new SafetensorsFile(join(TINY, 'modules.safetensors'));
afterAll(() => {
  recorded.close();
  rmSync(folder, { recursive: true });
});

describe('the networks in channels-last form', () => {
  const tensors = tensorsOf(recorded);
  const values = (name: string) => readValues(tensors.get(name)!);
  const feed = (name: string) => f32(tensors.get(name)!.dims, values(name));
  const unetInputs = ['sample', 'timestep', 'encoder_hidden_states', 'added_time_ids'];
  const unet = (i: number) =>
    [
      'unet',
      `unet.${i}`,
      Object.fromEntries(unetInputs.map((name) => [name, feed(`unet.${i}.${name}`)])),
      'out',
    ] as const;

  test.each([
    unet(0),
    unet(1),
    unet(2),
    ['vae_encoder', 'vae.encode', { image: feed('vae.encode.image') }, 'mode'],
    ['vae_decoder', 'vae.decode.3', { latent: feed('vae.decode.3.latent') }, 'frames'],
    ['image_encoder', 'clip', { pixel_values: feed('clip.pixel_values') }, 'image_embeds'],
  ] as const)('%s gives what the reference gave for %s', async (part, name, feeds, output) => {
    const checkpoint = openSvdCheckpoint(TINY);
    const form = { target: 'cuda', precision: 'fp32', plain: false } as const;
    const graphs = buildSvdGraphs(checkpoint, form, {
      maxFrames: 8,
      makeGraph: (title) => new SpelledOutGraph(title),
    });
    const at = mkdtempSync(join(folder, 'model-'));
    await graphs.weights.write(join(at, graphs.weights.fileName), () => undefined);
    checkpoint.close();
    const path = join(at, 'graph.onnx');
    writeFileSync(path, encodeModel(graphs[part], HEADER));
    const [result] = Object.values(await (await openFile(path)).run(feeds));
    const expected = values(`${name}.${output}`);
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const off = (result.data as Float32Array).reduce(
      (most, x, i) => Math.max(most, Math.abs(x - expected[i])),
      0,
    );
    expect(off / largest).toBeLessThanOrEqual(2e-4);
  });
});

test('the fused gate of the wide levels is the plain one', async () => {
  const wave = (dims: number[], step: number) =>
    computed('w', dims, () =>
      Float32Array.from({ length: dims[0] * (dims[1] ?? 1) }, (_, i) => Math.sin(i * step)),
    );
  const affine: Affine = { name: 'gate', weight: wave([2560, 3], 0.3), bias: wave([2560], 0.7) };
  const results: Float32Array[] = [];
  for (const fused of [true, false]) {
    const g = new SpelledOutGraph('gate');
    const file = new WeightFile(`gate-${fused}.data`);
    const layers = channelsLastLayers(new GraphWeights(g, { file, storage: 'float32', compute: 'float32' }));
    const x = g.input('x', 'float32', [4, 3]);
    // One output fewer on each side is no width the fused operator knows.
    const result = layers.gatedGelu(
      x,
      fused ? affine : { ...affine, weight: shrink(affine.weight), bias: shrink(affine.bias!) },
    );
    g.output('y', result, [4, 'n']);
    await file.write(join(folder, file.fileName), () => undefined);
    const path = join(folder, `gate-${fused}.onnx`);
    writeFileSync(path, encodeModel(g, HEADER));
    const { y } = await (
      await openFile(path)
    ).run({ x: f32([4, 3], [1, -2, 3, 0.5, 2, -1, 0, 0, 1, 4, 1, 1]) });
    results.push(y.data as Float32Array);
  }
  const [fused, plain] = results;
  expect(fused).toHaveLength(4 * 1280);
  for (let row = 0; row < 4; row++) {
    for (let i = 0; i < 1279; i++) {
      expect(fused[row * 1280 + i]).toBeCloseTo(plain[row * 1279 + i], 4);
    }
  }
});

/** Without the last row of each half. */
function shrink(source: Affine['weight']): Affine['weight'] {
  const [rows, columns = 1] = source.dims;
  const half = (rows / 2) * columns;
  return computed(source.name, [rows - 2, ...source.dims.slice(1)], () => {
    const all = readValues(source);
    return Float32Array.from([...all.slice(0, half - columns), ...all.slice(half, 2 * half - columns)]);
  });
}

describe('the graphs for CUDA', () => {
  const checkpoint = openSvdCheckpoint(TINY);
  afterAll(() => checkpoint.close());
  const graphs: SvdGraphs = buildSvdGraphs(
    checkpoint,
    { target: 'cuda', precision: 'fp16', plain: false },
    { maxFrames: 8 },
  );
  const parts = ['unet', 'vae_encoder', 'vae_decoder', 'image_encoder'] as const;
  const isInitializer = (g: Graph, value: Operand | undefined) =>
    value !== null && value !== undefined && g.initializers.has(value as Value);

  test.each(parts)('%s convolves with the fused operator, whose kernels are constants', (part) => {
    const g = graphs[part];
    expect(g.nodes.some(({ op }) => op === 'Conv')).toBe(false);
    const convolutions = g.nodes.filter(({ op }) => op === 'NhwcConv');
    expect(convolutions.length).toBeGreaterThan(0);
    for (const { inputs, domain } of convolutions) {
      expect(domain).toBe('com.microsoft');
      expect(inputs.slice(1).every((input) => isInitializer(g, input))).toBe(true);
      expect(new Set(inputs.map((input) => input?.type)).size).toBe(1);
    }
  });

  test('halves are computed in throughout, but for the encoder of pictures and the statistics of norms', () => {
    for (const part of parts) {
      const expected = part === 'vae_encoder' ? 'float32' : 'float16';
      for (const { op, inputs } of graphs[part].nodes) {
        if (['NhwcConv', 'Gemm', 'LayerNormalization', 'MultiHeadAttention'].includes(op)) {
          expect([op, inputs[0]?.type]).toEqual([op, expected]);
        }
        if (op === 'GroupNorm')
          expect(inputs.slice(1).map((input) => input?.type)).toEqual(['float32', 'float32']);
      }
    }
  });

  test('everything crosses the boundary as float32, and the timestep is embedded in it', () => {
    for (const part of parts) {
      const { inputs, outputs } = graphs[part];
      for (const { value } of [...inputs, ...outputs]) expect(value.type).toBe('float32');
    }
    const waves = graphs.unet.nodes.filter(({ op }) => op === 'Cos' || op === 'Sin');
    expect(waves.map(({ inputs }) => inputs[0]?.type)).toEqual(new Array(4).fill('float32'));
  });

  test('maps are transposed at the boundary only, tokens for attention over frames only', () => {
    // In and out of the network, in and out of each of the four temporal attentions; the rest are norms of one channel
    // a group, which the fused operator does not take.
    const g = graphs.vae_decoder;
    const narrow = g.nodes.filter(({ op }) => op === 'InstanceNormalization').length;
    expect(g.nodes.filter(({ op }) => op === 'Transpose')).toHaveLength(2 + 2 * narrow);
    const unetNarrow = graphs.unet.nodes.filter(({ op }) => op === 'InstanceNormalization').length;
    expect(graphs.unet.nodes.filter(({ op }) => op === 'GroupNorm').length).toBeGreaterThan(5);
    expect(graphs.unet.nodes.filter(({ op }) => op === 'Transpose')).toHaveLength(2 + 2 * 4 + 2 * unetNarrow);
  });
});
