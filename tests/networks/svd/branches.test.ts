import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { CheckpointError } from '../../../networks/checkpoint/index.js';
import { buildSvdGraphs, convertSvd, openSvdCheckpoint } from '../../../networks/svd/index.js';
import type { GraphForm, SvdGraphs } from '../../../networks/svd/index.js';
import type { Graph } from '../../../networks/onnx/index.js';
import { f32, openFile } from '../session.js';
import { TINY } from './tiny.js';

/** Of a network of two levels with one layer each: there is no layer 2 in the outermost block. */
const BRANCHES = [0, 1, 3, 4];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'branches-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const waves = (count: number, step: number) =>
  Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(i * step + (i % 7)));
/** An odd number of frames, and sizes that do not halve. */
const feeds: Record<string, Tensor> = {
  sample: f32([2, 3, 8, 6, 5], waves(2 * 3 * 8 * 30, 0.7)),
  timestep: f32([1], [-0.4]),
  encoder_hidden_states: f32([2, 1, 32], waves(64, 1.3)),
  added_time_ids: f32([2, 3], [6, 127, 0.02, 6, 127, 0.02]),
};

const largest = (values: Float32Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const deviation = (a: Float32Array, b: Float32Array) => largest(a.map((x, i) => x - b[i])) / largest(b);

describe.each([
  ['portable', {}],
  ['plain', { plain: true }],
  ['half precision', { precision: 'fp16' }],
] as const)('cut at a branch, the %s UNet', (name, form) => {
  let unet: InferenceSession;
  const at = () => join(folder, name);
  beforeAll(async () => {
    await convertSvd(TINY, at(), { form, branches: BRANCHES });
    unet = await openFile(join(at(), 'unet.onnx'));
  });

  test.each(BRANCHES)(
    'gives above branch %i, with the feature of the same evaluation, the same',
    async (b) => {
      const { out_sample: whole, [`feature_b${b}`]: feature } = await unet.run(feeds);
      const shallow = await openFile(join(at(), `unet-shallow-b${b}.onnx`));
      const { out_sample: given } = await shallow.run({ ...feeds, [`feature_b${b}`]: feature });
      expect(given.dims).toEqual(whole.dims);
      expect(deviation(given.data as Float32Array, whole.data as Float32Array)).toBeLessThan(1e-6);
      // The feature decides: without it the result is another.
      const nothing = f32(feature.dims, new Float32Array(feature.size));
      const { out_sample: other } = await shallow.run({ ...feeds, [`feature_b${b}`]: nothing });
      expect(deviation(other.data as Float32Array, whole.data as Float32Array)).toBeGreaterThan(1e-2);
    },
  );

  test('gives the same when no feature is asked for', async () => {
    const { out_sample: all } = await unet.run(feeds);
    const alone = await unet.run(feeds, ['out_sample']);
    expect(Object.keys(alone)).toEqual(['out_sample']);
    expect(alone.out_sample.data).toEqual(all.data);
  });
});

function build(form: Partial<GraphForm>, branches: readonly number[]): SvdGraphs {
  const checkpoint = openSvdCheckpoint(TINY);
  try {
    const whole = { target: 'portable', precision: 'fp32', plain: false, ...form } as const;
    return buildSvdGraphs(checkpoint, whole, { maxFrames: 8, branches });
  } finally {
    checkpoint.close();
  }
}

/** Where the graph's weights lie, by name. */
const places = (graph: Graph) =>
  new Map(
    [...graph.initializers].flatMap(([value, tensor]) =>
      'offset' in tensor ? [[graph.nameOf(value), tensor.offset] as const] : [],
    ),
  );

describe('the graphs of one network', () => {
  test.each(['portable', 'cuda'] as const)('share their weights in the %s form', (target) => {
    const { unet, shallow, weights } = build({ target }, BRANCHES);
    const whole = places(unet);
    for (const graph of shallow.values()) {
      const apart = [...places(graph)].filter(([name, offset]) => whole.get(name) !== offset);
      // The projections of the embedding are packed, those of each graph's own blocks.
      expect(apart.map(([name]) => name).filter((name) => !name.includes('time_emb_proj'))).toEqual([]);
    }
    const alone = build({ target }, []).weights.length;
    expect(weights.length).toBeGreaterThan(alone);
    expect(weights.length).toBeLessThan(1.1 * alone);
  });

  test('above an outer branch need less than above an inner one, and no more than is evaluated', () => {
    const { unet, shallow } = build({}, BRANCHES);
    const sizes = [...shallow.values()].map((graph) => places(graph).size);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(places(unet).size).toBeGreaterThan(sizes[3]);
    const names = [...places(shallow.get(0)!).keys()];
    expect(
      names.filter((name) => /down_blocks|mid_block|up_blocks\.0|up_blocks\.1\.\w+\.0/.test(name)),
    ).toEqual([]);
  });

  test('pass the feature on in half precision where they compute in it', () => {
    const typeOf = (form: Partial<GraphForm>) => {
      const { unet, shallow } = build(form, [3]);
      const port = ({ value }: { value: { type: string } }) => value.type;
      const isFeature = (graph: Graph) => (p: { value: Parameters<Graph['nameOf']>[0] }) =>
        graph.nameOf(p.value) === 'feature_b3';
      const inner = shallow.get(3)!;
      return [port(unet.outputs.find(isFeature(unet))!), port(inner.inputs.find(isFeature(inner))!)];
    };
    expect(typeOf({ target: 'cuda', precision: 'fp16' })).toEqual(['float16', 'float16']);
    expect(typeOf({ target: 'cuda', precision: 'fp32' })).toEqual(['float32', 'float32']);
    expect(typeOf({ target: 'portable', precision: 'fp16' })).toEqual(['float32', 'float32']);
  });

  test('refuse a branch that the network does not have, and name it', () => {
    expect(() => build({}, [0, 2, 7])).toThrow(CheckpointError);
    expect(() => build({}, [0, 2, 7])).toThrow(/no branch 2; its branches are 0, 1, 3, 4\n?[^]*no branch 7/);
  });
});
