import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { readValues, SafetensorsFile, tensorsOf } from '../../../networks/checkpoint/index.js';
import { convertSvd } from '../../../networks/svd/index.js';
import type { ConversionOptions } from '../../../networks/svd/index.js';
import { writeSafetensors } from '../safetensors-file.js';
import { f32, openFile } from '../session.js';
import { sgmTensors } from './sgm-layout.js';
import { TINY } from './tiny.js';

/** Of the largest value. Float32 gives 4e-6 here; a norm's epsilon of the other code base would already be at 8e-5. */
const TOLERANCE = 2e-5;
const HALF_TOLERANCE = 2e-3;
/** What rounding the order of sums makes; a saving that is not exact is far outside. */
const SAME = 2e-5;

const recorded = new SafetensorsFile(join(TINY, 'modules.safetensors'));
const tensors = tensorsOf(recorded);
const tensor = (name: string) => f32(tensors.get(name)!.dims, readValues(tensors.get(name)!));

type Graphs = Record<'unet' | 'vae-encoder' | 'vae-decoder' | 'image-encoder', InferenceSession>;

async function load(source: string, folder: string, options: ConversionOptions): Promise<Graphs> {
  await convertSvd(source, folder, options);
  const open = (name: string) => openFile(join(folder, `${name}.onnx`));
  return {
    unet: await open('unet'),
    'vae-encoder': await open('vae-encoder'),
    'vae-decoder': await open('vae-decoder'),
    'image-encoder': await open('image-encoder'),
  };
}

let folder: string;
let forms: Record<'savings' | 'plain' | 'halves' | 'single file', Graphs>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'networks-'));
  const single = join(folder, 'svd.safetensors');
  writeSafetensors(single, sgmTensors(TINY, 1, 2, 4));
  const heads = { unetHeadChannels: 16, visionHeadChannels: 16, epsilons: 'diffusers' } as const;
  forms = {
    savings: await load(TINY, join(folder, 'savings'), {}),
    plain: await load(TINY, join(folder, 'plain'), { form: { plain: true } }),
    halves: await load(TINY, join(folder, 'halves'), { form: { precision: 'fp16' } }),
    'single file': await load(single, join(folder, 'single'), heads),
  };
});
afterAll(() => {
  recorded.close();
  rmSync(folder, { recursive: true });
});

type Values = Float32Array;
const largest = (values: Values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
function deviation(given: Values, reference: Values): number {
  expect(given).toHaveLength(reference.length);
  return largest(given.map((x, i) => x - reference[i])) / largest(reference);
}

async function output(
  session: InferenceSession,
  feeds: Parameters<InferenceSession['run']>[0],
): Promise<Values> {
  return Object.values(await session.run(feeds))[0].data as Float32Array;
}

const unetFeeds = (i: number) =>
  Object.fromEntries(
    ['sample', 'timestep', 'encoder_hidden_states', 'added_time_ids'].map((input) => [
      input,
      tensor(`unet.${i}.${input}`),
    ]),
  );

/** All recorded cases: graph, inputs, expected output. */
const CASES = [
  ...[0, 1, 2].map((i) => ({ graph: 'unet', feeds: unetFeeds(i), expected: `unet.${i}.out` }) as const),
  {
    graph: 'vae-encoder',
    feeds: { image: tensor('vae.encode.image') },
    expected: 'vae.encode.mode',
  } as const,
  ...[1, 3].map((n) => {
    const feeds = { latent: tensor(`vae.decode.${n}.latent`) };
    return { graph: 'vae-decoder', feeds, expected: `vae.decode.${n}.frames` } as const;
  }),
  {
    graph: 'image-encoder',
    feeds: { pixel_values: tensor('clip.pixel_values') },
    expected: 'clip.image_embeds',
  } as const,
];

describe.each(['savings', 'plain', 'single file', 'halves'] as const)('%s', (form) => {
  const tolerance = form === 'halves' ? HALF_TOLERANCE : TOLERANCE;
  test.each(CASES)('$expected is the reference’s', async ({ graph, feeds, expected }) => {
    const given = await output(forms[form][graph], feeds);
    expect(deviation(given, readValues(tensors.get(expected)!))).toBeLessThanOrEqual(tolerance);
  });
});

/** Reproducible inputs that resemble noise. */
const waves = (count: number, step: number) =>
  Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(i * step + (i % 7)));

describe('the savings change nothing', () => {
  const clip = (B: number, F: number, h: number, w: number) => ({
    sample: f32([B, F, 8, h, w], waves(B * F * 8 * h * w, 0.7)),
    timestep: f32([1], [-0.4]),
    encoder_hidden_states: f32([B, 1, 32], waves(B * 32, 1.3)),
    added_time_ids: f32([B, 3], waves(B * 3, 2.1)),
  });
  // Rows of a batch may differ in everything but the timestep.
  test.each([
    ['rows of their own', clip(3, 2, 6, 10)],
    ['one frame', clip(1, 1, 4, 6)],
    ['the longest clip', clip(1, 32, 2, 4)],
  ])('for %s', async (_, feeds) => {
    const [a, b] = [await output(forms.savings.unet, feeds), await output(forms.plain.unet, feeds)];
    expect(deviation(a, b)).toBeLessThanOrEqual(SAME);
  });

  test('for a context of zeros, the unconditional row', async () => {
    const feeds = { ...clip(1, 3, 4, 4), encoder_hidden_states: f32([1, 1, 32], new Float32Array(32)) };
    const [a, b] = [await output(forms.savings.unet, feeds), await output(forms.plain.unet, feeds)];
    expect(deviation(a, b)).toBeLessThanOrEqual(SAME);
  });

  test('in the decoder, whatever the length of the chunk', async () => {
    const feeds = { latent: f32([4, 4, 3, 5], waves(4 * 4 * 15, 0.9)) };
    const [a, b] = [forms.savings, forms.plain].map((graphs) => output(graphs['vae-decoder'], feeds));
    expect(deviation(await a, await b)).toBeLessThanOrEqual(SAME);
  });
});

test('guided rows do not see each other', async () => {
  const feeds = unetFeeds(0);
  const both = await output(forms.savings.unet, feeds);
  for (const row of [0, 1]) {
    const alone = Object.fromEntries(
      Object.entries(feeds).map(([name, { dims, data }]) => {
        if (name === 'timestep') return [name, feeds[name]];
        const size = data.length / dims[0];
        return [name, f32([1, ...dims.slice(1)], (data as Float32Array).slice(row * size, (row + 1) * size))];
      }),
    );
    const half = both.slice((row * both.length) / 2, ((row + 1) * both.length) / 2);
    expect(deviation(await output(forms.savings.unet, alone), half)).toBeLessThanOrEqual(SAME);
  }
});
