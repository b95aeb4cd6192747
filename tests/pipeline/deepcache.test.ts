import '../one-runtime.cjs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { convertSvd } from '../../networks/svd/index.js';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { latentShape, sampleLatents } from '../../pipeline/clip.js';
import type { Checkpoints } from '../../pipeline/checkpoints.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { Conditioning } from '../../pipeline/conditioning.js';
import { planEvaluations, prepareSampling } from '../../pipeline/evaluation-plan.js';
import type { Ffmpeg } from '../../pipeline/ffmpeg.js';
import { MemoryFallbacks } from '../../pipeline/memory-fallbacks.js';
import { loadModel, type LoadOptions, type Model } from '../../pipeline/model.js';
import { unetNetwork, type LatentShape } from '../../pipeline/unet-network.js';
import { TorchRandom, type SamplingState } from '../../samplers/index.js';
import { TINY } from '../networks/svd/tiny.js';
import { CUDA_OUT_OF_MEMORY, watch, type Watched } from './tiny/stand-in.js';

const [F, C, H, W] = [2, 4, 4, 6] as const;
const SHAPE: LatentShape = [F, C, H, W];
const conditioning: Conditioning = {
  concat: Float32Array.from({ length: C * H * W }, (_, i) => Math.cos(i)),
  context: Float32Array.from({ length: 32 }, (_, i) => Math.sin(3 * i)),
  addedTimeIds: [6, 127, 0.02],
};

const real: Watched['open'] = (path, options) => InferenceSession.create(path, options);
let folder: string;
let shared: Model;
beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'deepcache-')), 'tiny');
  await convertSvd(TINY, folder, { branches: [0, 1, 3] });
  shared = await loadModel(folder, 'cpu', { open: real });
});
afterAll(() => rmSync(join(folder, '..'), { recursive: true }));

async function watched(options: LoadOptions = {}, beforeRun?: Parameters<typeof watch>[1]) {
  const sessions = watch(real, beforeRun);
  const model = await loadModel(folder, 'cpu', { open: sessions.open, ...options });
  sessions.events.length = 0;
  return { model, ...sessions };
}

const paramsOf = (fields: Record<string, string | number>): ClipParams =>
  resolveClip({ W: 64, H: 64, T: F, seed: 5, ...fields }, shared.manifest).params;

interface SampleOptions {
  readonly memory?: MemoryFallbacks;
  readonly resume?: SamplingState;
  /** Keeps the states after every step at which a run can be resumed. */
  readonly states?: SamplingState[];
}

/** The latents of a request. */
function sample(model: Model, fields: Record<string, string | number>, options: SampleOptions = {}) {
  const params = paramsOf(fields);
  const { deepcache_interval: interval, deepcache_branch: branch } = params;
  const cache = branch === undefined ? undefined : { interval, branch };
  const network = unetNetwork(model, conditioning, SHAPE, options.memory, cache);
  return prepareSampling(params, model.manifest).run({
    network,
    shape: SHAPE,
    random: new TorchRandom(params.seed),
    resume: options.resume,
    onStep: ({ step, save }) => {
      if (network.resumableAt(step)) options.states?.push(save());
    },
  });
}

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
const deviation = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  largest(Array.from(a, (x, i) => x - b[i])) / largest(b);

const HEUN = { sampler: 'HeunEDMSampler', steps: 5, deepcache_interval: 2, deepcache_branch: 1 };

/** Heun's method with one cached feature for each of a step's two evaluations, in double precision. */
async function writtenOutHeun(fields: typeof HEUN): Promise<Float64Array> {
  const params = paramsOf(fields);
  const { sigmas } = prepareSampling(params, shared.manifest);
  const unet = await InferenceSession.create(join(folder, 'unet.onnx'));
  const shallow = await InferenceSession.create(join(folder, 'unet-shallow-b1.onnx'));
  const features: Tensor[] = [];
  const size = F * C * H * W;
  const latent = C * H * W;
  const denoise = async (x: Float64Array, sigma: number, step: number, slot: number) => {
    const both = new Float32Array(4 * size);
    for (let place = 0; place < 2 * F; place++) {
      for (let i = 0; i < latent; i++) {
        both[place * 2 * latent + i] = x[(place % F) * latent + i] / Math.sqrt(sigma ** 2 + 1);
        both[(place * 2 + 1) * latent + i] = place < F ? 0 : conditioning.concat[i];
      }
    }
    const scalars = conditioning.addedTimeIds;
    const feeds = {
      sample: new Tensor('float32', both, [2, F, 2 * C, H, W]),
      timestep: new Tensor('float32', [0.25 * Math.log(sigma)], [1]),
      encoder_hidden_states: new Tensor(
        'float32',
        [...new Float32Array(32), ...conditioning.context],
        [2, 1, 32],
      ),
      added_time_ids: new Tensor('float32', [...scalars, ...scalars], [2, 3]),
    };
    const isWhole = step % 2 === 0;
    const results = isWhole
      ? await unet.run(feeds)
      : await shallow.run({ ...feeds, feature_b1: features[slot] });
    if (isWhole) features[slot] = results.feature_b1;
    const raw = results.out_sample.data as Float32Array;
    return x.map((value, i) => {
      const scale = 1 + (1.5 * Math.floor(i / latent)) / (F - 1); // 1 to 2.5 over the frames
      const v = raw[i] + scale * (raw[size + i] - raw[i]);
      return value / (sigma ** 2 + 1) - (sigma / Math.sqrt(sigma ** 2 + 1)) * v;
    });
  };
  let x = Float64Array.from(
    new TorchRandom(params.seed).randn(size),
    (n) => n * Math.sqrt(1 + sigmas[0] ** 2),
  );
  for (let i = 0; i < sigmas.length - 1; i++) {
    const [sigma, next] = [sigmas[i], sigmas[i + 1]];
    const denoised = await denoise(x, sigma, i, 0);
    const d = x.map((value, j) => (value - denoised[j]) / sigma);
    const x2 = x.map((value, j) => value + (next - sigma) * d[j]);
    if (next === 0) x = x2;
    else {
      const denoised2 = await denoise(x2, next, i, 1);
      x = x.map((value, j) => value + ((next - sigma) * (d[j] + (x2[j] - denoised2[j]) / next)) / 2);
    }
  }
  return x;
}

describe('cached sampling', () => {
  test('with Heun is the algorithm written out, with a feature for each evaluation of a step', async () => {
    const expected = await writtenOutHeun(HEUN);
    expect(deviation(await sample(shared, HEUN), expected)).toBeLessThan(1e-4);
    expect(deviation(await sample(shared, { ...HEUN, deepcache_interval: 1 }), expected)).toBeGreaterThan(
      1e-2,
    );
  });

  /** F and s for each evaluation of the whole network and of its outer part; a guided one has two rows. */
  const evaluations = ({ runs }: Watched): string =>
    runs.map(({ graph, feeds }) => (graph === 'unet' ? 'F' : 's') + feeds.sample.dims[0]).join(' ');

  test.each([
    ['EulerEDMSampler', 'F2 s2 s2 F2 s2'],
    ['EulerAncestralSampler', 'F2 s2 s2 F2 s2'],
    ['DPMPP2MSampler', 'F2 s2 s2 F2 s2'],
    ['LinearMultistepSampler', 'F2 s2 s2 F2 s2'],
    ['HeunEDMSampler', 'F2 F2 s2 s2 s2 s2 F2 F2 s2'],
    ['DPMPP2SAncestralSampler', 'F2 F2 s2 s2 s2 s2 F2 F2 s2'],
  ])('with %s evaluates %s, as planned', async (sampler, expected) => {
    const { model, ...runs } = await watched();
    const fields = { sampler, steps: 5, deepcache_interval: 3, deepcache_branch: 0 };
    await sample(model, fields);
    expect(evaluations(runs)).toBe(expected);
    const plan = planEvaluations(paramsOf(fields), model.manifest);
    const count = (kind: string) => expected.split(' ').filter((one) => one.startsWith(kind)).length;
    expect(plan).toMatchObject({ full: count('F'), shallow: count('s') });
    expect(runs.runs.every(({ graph, fetches }) => fetches.length === (graph === 'unet' ? 2 : 1))).toBe(true);
  });

  test('starts guidance within a round with a whole evaluation, and ends it without', async () => {
    const { model, ...runs } = await watched();
    const fields = { steps: 8, deepcache_interval: 4, guidance_sigma_min: 0.05, guidance_sigma_max: 150 };
    const { sigmas } = prepareSampling(paramsOf(fields), model.manifest);
    const guided = [...sigmas.slice(0, 8)].map((sigma) => sigma >= 0.05 && sigma <= 150);
    expect(guided).toEqual([false, false, true, true, true, true, true, false]);
    await sample(model, fields);
    expect(evaluations(runs)).toBe('F1 s1 F2 s2 F2 s2 s2 s1');
    expect(planEvaluations(paramsOf(fields), model.manifest)).toMatchObject({ full: 3, shallow: 5 });
  });

  test('asks for no feature without caching', async () => {
    const { model, ...runs } = await watched();
    await sample(model, { steps: 2 });
    expect(runs.runs.map(({ graph, fetches }) => [graph, fetches])).toEqual([
      ['unet', ['out_sample']],
      ['unet', ['out_sample']],
    ]);
    expect(runs.events.filter((event) => event.startsWith('load'))).toEqual([]);
  });
});

describe('cached sampling in halves of the batch', () => {
  const fields = { steps: 5, deepcache_interval: 3, deepcache_branch: 3 };

  test('gives the numbers of the whole batch', async () => {
    const { model, ...runs } = await watched({ halfBatch: true });
    const halves = await sample(model, fields);
    expect(deviation(halves, await sample(shared, fields))).toBeLessThan(1e-5);
    expect(runs.runs.map(({ feeds }) => feeds.sample.dims[0])).toEqual(new Array(10).fill(1));
  });

  test('goes on with each row’s own feature when memory runs out between two whole evaluations', async () => {
    const { model, runs } = await watched({}, (graph, feeds) => {
      if (graph !== 'unet' && feeds.sample.dims[0] === 2) throw new Error(CUDA_OUT_OF_MEMORY);
    });
    const memory = new MemoryFallbacks();
    const given = await sample(model, fields, { memory });
    expect(memory.warnings).toHaveLength(1);
    expect(deviation(given, await sample(shared, fields))).toBeLessThan(1e-5);
    expect(runs.filter(({ graph }) => graph === 'unet').map(({ feeds }) => feeds.sample.dims[0])).toEqual([
      2, 1, 1,
    ]);
  });
});

test('low VRAM keeps both graphs for the stage, and gives both back', async () => {
  const fields = { steps: 4, deepcache_interval: 2, deepcache_branch: 0 };
  const { model, events, most } = await watched({ lowVram: true });
  const given = await sample(model, fields);
  await model.unet.leave();
  expect(events).toEqual([
    ...['load unet', 'run unet', 'load unet-shallow-b0', 'run unet-shallow-b0'],
    ...['run unet', 'run unet-shallow-b0', 'release unet', 'release unet-shallow-b0'],
  ]);
  expect(most()).toBe(2);
  expect(given).toEqual(await sample(shared, fields));
});

describe('a cached run that is resumed', () => {
  test.each(['EulerAncestralSampler', 'DPMPP2MSampler', 'DPMPP2SAncestralSampler'])(
    'with %s from the middle of an interval equals the uninterrupted one to the bit',
    async (sampler) => {
      const fields = { sampler, steps: 8, deepcache_interval: 3, deepcache_branch: 1 };
      const whole = await sample(shared, fields);
      const states: SamplingState[] = [];
      await sample(shared, fields, { states });
      expect(states.map(({ step }) => step)).toEqual([3, 6]);
      // Interrupted after step 5 it goes on from the newest state there was, after step 3.
      expect(await sample(shared, fields, { resume: states[0] })).toEqual(whole);
    },
  );
});

test('a clip offers its state wherever no feature is needed to go on: before whole steps, and at its end', async () => {
  const params = paramsOf({ steps: 5, deepcache_interval: 3, deepcache_branch: 1 });
  const offered: number[] = [];
  const checkpoints = {
    load: () => Promise.resolve(undefined),
    offer: (_index: number, save: () => SamplingState) => {
      offered.push(save().step);
      return Promise.resolve();
    },
  };
  const picture = new Float32Array(3 * params.W * params.H);
  const sampling = prepareSampling(params, shared.manifest);
  await sampleLatents(
    {
      index: 0,
      params,
      picture,
      sampling,
      memory: new MemoryFallbacks(),
      checkpoints: checkpoints as unknown as Checkpoints,
      report: () => undefined,
    },
    latentShape(params, shared),
    params.seed,
    {
      model: shared,
      ffmpeg: { path: 'none', version: 'none' } as Ffmpeg,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    },
  );
  expect(offered).toEqual([3, 5]);
});

describe('a model with branches', () => {
  test('is looked through when it is loaded, and its shallow graphs are not kept', async () => {
    const sessions = watch(real);
    await loadModel(folder, 'cpu', { open: sessions.open });
    expect(sessions.events.slice(0, 6)).toEqual(
      [0, 1, 3].flatMap((branch) => [`load unet-shallow-b${branch}`, `release unet-shallow-b${branch}`]),
    );
    expect(sessions.most()).toBe(4);
  });

  test('costs as much less as its graphs compute less', () => {
    const plain = planEvaluations(paramsOf({ steps: 6 }), shared.manifest);
    expect(plain.stepCosts).toEqual([1, 1, 1, 1, 1, 1]);
    const { cost } = shared.manifest.shallow['0'];
    expect(cost).toBeLessThan(0.6);
    const cached = planEvaluations(paramsOf({ steps: 6, deepcache_interval: 3 }), shared.manifest);
    expect(cached.stepCosts).toEqual([1, cost, cost, 1, cost, cost]);
  });
});
