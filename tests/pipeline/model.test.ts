import '../one-runtime.cjs';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel, float32, Graph } from '../../networks/onnx/index.js';
import { clipCost } from '../../pipeline/clip-cost.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { PipelineError } from '../../pipeline/errors.js';
import { loadModel } from '../../pipeline/model.js';
import { sessionOptions } from '../../pipeline/session-options.js';
import { tinyDecoder, tinyUnet } from './tiny/graphs.js';
import { tinyManifest, writeTinyModel } from './tiny/model-folder.js';
import { watch, type Watched } from './tiny/stand-in.js';

const folders: string[] = [];
const folderOf = (...args: Parameters<typeof writeTinyModel>): string => {
  const folder = writeTinyModel(...args);
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

const onCpu: Watched['open'] = (path) => InferenceSession.create(path);
/** A machine with a CUDA device, whose arithmetic the CPU does. */
const withCuda = (beforeRun?: Parameters<typeof watch>[1]): Watched => watch(onCpu, beforeRun);
const wanted = ({ executionProviders = [] }: InferenceSession.SessionOptions): string =>
  executionProviders.map((provider) => (typeof provider === 'string' ? provider : provider.name)).join();
/** A machine whose CUDA cannot be used; it says why. */
const withoutCuda = (reason: string): Watched =>
  watch((path, options) => {
    if (wanted(options).startsWith('cuda')) throw new Error(reason);
    return onCpu(path, options);
  });

const failure = (promise: Promise<unknown>): Promise<PipelineError> =>
  promise.then(
    () => {
      throw new Error('It succeeded');
    },
    (error: PipelineError) => error,
  );

/** A graph that runs on CUDA alone, in the decoder's place. */
function cudaOnly(): Graph {
  const g = new Graph('cuda-only');
  const latent = g.input('latent', 'float32', ['n', 4, 'h', 4]);
  const weights = g.initializer(float32([4, 1, 1, 4], new Float32Array(16)));
  const attributes = { kernel_shape: [1, 1] };
  const [y] = g.node({
    op: 'NhwcConv',
    domain: 'com.microsoft',
    inputs: [latent, weights],
    attributes,
    results: ['float32'],
  });
  g.output('frames', y, ['n', 4, 'h', 4]);
  return g;
}

const LOADS = ['load unet', 'load vae-encoder', 'load vae-decoder', 'load image-encoder'];

describe('the folder', () => {
  test('every graph is loaded at the start, once', async () => {
    const { open, events } = withCuda();
    await loadModel(folderOf(), 'cpu', { open });
    expect(events).toEqual(LOADS);
  });

  test('a missing file is named', async () => {
    const folder = folderOf();
    unlinkSync(join(folder, 'vae-decoder.onnx'));
    const error = await failure(loadModel(folder, 'cpu'));
    expect(error.code).toBe('invalid_model');
    expect(error.message).toContain('vae-decoder.onnx is missing');
  });

  test('a damaged graph is named, on CUDA as well, and what was loaded is released', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'vae-decoder.onnx'), 'damaged');
    for (const device of ['cpu', 'cuda']) {
      const { open, events } = withCuda();
      const error = await failure(loadModel(folder, device, { open }));
      expect(error.code).toBe('invalid_model');
      expect(error.message).toMatch(/vae-decoder\.onnx cannot be loaded: .*protobuf/i);
      expect(events.filter((event) => event.startsWith('release'))).toHaveLength(2);
    }
  });

  test('graphs made for CUDA are refused by the CPU with a way out', async () => {
    const error = await failure(loadModel(folderOf({ vae_decoder: cudaOnly() }), 'cpu'));
    expect(error.code).toBe('device_unavailable');
    expect(error.message).toMatch(/vae-decoder\.onnx.*made for CUDA.*NhwcConv/);
  });
});

describe('the device', () => {
  test.each([
    ['cuda', 'cuda:0', 0],
    ['cuda:3', 'cuda:3', 3],
  ])('%s is CUDA device %s, with the CPU for what it leaves over', async (device, name, deviceId) => {
    const given: InferenceSession.SessionOptions[] = [];
    const model = await loadModel(folderOf(), device, {
      open: (path, options) => {
        given.push(options);
        return onCpu(path, options);
      },
    });
    expect(model.device).toBe(name);
    expect(given).toHaveLength(4);
    for (const { executionProviders } of given) {
      expect(executionProviders).toEqual([{ name: 'cuda', deviceId }, 'cpu']);
    }
  });

  test.each([
    'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
    'CUDA failure 100: no CUDA-capable device is detected ; GPU=-1',
    'CUDA failure 101: invalid device ordinal ; GPU=7',
  ])('CUDA that was asked for and cannot be used is an error that says why: %s', async (reason) => {
    const error = await failure(loadModel(folderOf(), 'cuda', { open: withoutCuda(reason).open }));
    expect(error.code).toBe('device_unavailable');
    expect(error.message).toContain('cuda:0 cannot be used');
    expect(error.message).toContain(reason);
  });

  test('auto takes the CPU and warns where CUDA cannot be used', async () => {
    const { open } = withoutCuda('CUDA failure 35: CUDA driver version is insufficient');
    const model = await loadModel(folderOf(), 'auto', { open });
    expect(model.device).toBe('cpu');
    expect(model.warning).toMatch(/CUDA.*running on the CPU/);
  });

  test('auto says both reasons where the graphs need CUDA and there is none', async () => {
    const { open } = withoutCuda('CUDA failure 100: no CUDA-capable device is detected');
    const error = await failure(loadModel(folderOf({ vae_decoder: cudaOnly() }), 'auto', { open }));
    expect(error.code).toBe('device_unavailable');
    expect(error.message).toMatch(/CUDA.*made for CUDA/s);
  });

  test('auto takes the CPU without a warning for the embedded model', async () => {
    const model = await loadModel(folderOf({}, { family: 'kenburns' }), 'auto');
    expect(model.device).toBe('cpu');
    expect(model.warning).toBeUndefined();
  });

  test('a device that cannot hold a single graph is out of memory', async () => {
    const full = watch(() => Promise.reject(new Error('CUDA failure 2: out of memory ; GPU=0')));
    const error = await failure(loadModel(folderOf(), 'cuda', { open: full.open }));
    expect(error.code).toBe('out_of_memory');
    expect(error.message).toContain('unet.onnx');
  });
});

describe('low VRAM', () => {
  test('at the start each graph is loaded to be checked, one at a time', async () => {
    const { open, events, most } = withCuda();
    await loadModel(folderOf(), 'cuda', { open, lowVram: true, warm: true });
    expect(events).toEqual(LOADS.flatMap((load) => [load, load.replace('load', 'release')]));
    expect(most()).toBe(1);
  });
});

describe('the warm-up', () => {
  test('runs every graph on CUDA at the shapes of the recipe', async () => {
    const { open, runs } = withCuda();
    const { pace } = await loadModel(folderOf(), 'cuda', { open, warm: true });
    const clip = [
      ['vae-encoder', [1, 3, 64, 64]],
      ['image-encoder', [1, 3, 224, 224]],
      ['unet', [2, 5, 8, 32, 32]],
      ['vae-decoder', [2, 4, 32, 32]],
      ['vae-decoder', [2, 4, 32, 32]],
      ['vae-decoder', [1, 4, 32, 32]],
    ];
    // Once to get going, and once to see how long it takes.
    expect(runs.map(({ graph, feeds }) => [graph, Object.values(feeds)[0].dims])).toEqual([...clip, ...clip]);
    expect(pace).toBeGreaterThan(0);
  });

  test('runs every graph on the CPU at the smallest size', async () => {
    const { open, runs } = withCuda();
    const recipe = { ...tinyManifest().recipe, W: 240, H: 120 };
    const folder = folderOf({}, { recipe, picture: { divisor: 24 } });
    await loadModel(folder, 'cpu', { open, warm: true });
    expect(runs.slice(0, 4).map(({ feeds }) => Object.values(feeds)[0].dims)).toEqual([
      [1, 3, 72, 72],
      [1, 3, 224, 224],
      [2, 2, 8, 36, 36],
      [2, 4, 36, 36],
    ]);
  });

  test('promises the pace at which the clip of the recipe is made', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const [perEvaluation, perDecoding] = [240, 25];
    let evaluations = 0;
    const { open, runs } = withCuda((graph) => {
      now += { unet: perEvaluation, 'vae-decoder': perDecoding }[graph] ?? 0;
      if (graph === 'unet' && ++evaluations === 2) now += 500; // something else had the processor
    });
    try {
      const { pace, manifest } = await loadModel(folderOf(), 'cpu', { open, warm: true });
      // The smallest clip is long enough to tell: 64×64 and 2 frames of the recipe's 64×64 and 5.
      expect(runs.filter(({ graph }) => graph === 'unet')).toHaveLength(3);
      const { params } = resolveClip({}, manifest);
      const expected = ((params.steps * perEvaluation + perDecoding) * 5) / 2;
      expect(pace! * clipCost(params, manifest)).toBeCloseTo(expected, 6);
    } finally {
      clock.mockRestore();
    }
  });

  test('goes on to larger sizes as long as they take no time, to that of the recipe at most', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
    const { open, runs } = withCuda();
    const folder = folderOf({}, { recipe: { ...tinyManifest().recipe, W: 256, H: 128, T: 6 } });
    try {
      await loadModel(folder, 'cpu', { open, warm: true });
    } finally {
      clock.mockRestore();
    }
    const sizes = runs.filter(({ graph }) => graph === 'unet').map(({ feeds }) => feeds.sample.dims);
    expect(sizes).toEqual([
      [2, 2, 8, 32, 32],
      [2, 2, 8, 32, 32],
      [2, 3, 8, 32, 64],
      [2, 6, 8, 64, 128],
      [2, 6, 8, 64, 128],
    ]);
  });

  test('finds a graph that loads and does not run', async () => {
    const folder = folderOf({ unet: tinyDecoder() });
    const error = await failure(loadModel(folder, 'cpu', { warm: true }));
    expect(error.code).toBe('invalid_model');
    expect(error.message).toMatch(/tiny cannot be run/);
  });

  test('finds a CUDA library that is missing, and auto then takes the CPU', async () => {
    let isCuda = false;
    const { open } = watch(
      (path, options) => {
        isCuda = wanted(options).startsWith('cuda');
        return onCpu(path, options);
      },
      () => {
        if (isCuda) throw new Error('CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0');
      },
    );
    const error = await failure(loadModel(folderOf(), 'cuda', { open, warm: true }));
    expect(error.code).toBe('device_unavailable');
    const model = await loadModel(folderOf(), 'auto', { open, warm: true });
    expect(model).toMatchObject({ device: 'cpu', warning: expect.stringContaining('CPU') });
  });

  test('leaves a want of memory to the clips', async () => {
    const model = await loadModel(folderOf({ unet: tinyUnet({ fits: 0 }) }), 'cpu', { warm: true });
    expect(model.device).toBe('cpu');
  });
});

describe('weights in a file of their own', () => {
  /** y = x + weights, the weights in `weights.data`. */
  function writeGraph(): string {
    const folder = mkdtempSync(join(tmpdir(), 'external-'));
    folders.push(folder);
    const g = new Graph('external');
    const x = g.input('x', 'float32', [3]);
    const stored = { type: 'float32', dims: [3], file: 'weights.data', offset: 4, length: 12 } as const;
    g.output('y', g.op('Add', x, g.initializer(stored)), [3]);
    writeFileSync(join(folder, 'g.onnx'), encodeModel(g, { producer: 'tests', version: '1' }));
    writeFileSync(join(folder, 'weights.data'), new Uint8Array(Float32Array.of(9, 1, 2, 3).buffer));
    return folder;
  }

  test('are mapped on the CPU, not repacked, and CUDA keeps its ways', () => {
    const folder = writeGraph();
    expect(sessionOptions('cpu', folder)).toMatchObject({
      extra: { session: { disable_prepacking: '1' } },
    });
    expect(sessionOptions('cuda:0', folder)).not.toHaveProperty('extra');
    expect(sessionOptions('cpu', folderOf())).not.toHaveProperty('extra');
  });

  test('give the right numbers', async () => {
    const folder = writeGraph();
    const session = await InferenceSession.create(join(folder, 'g.onnx'), sessionOptions('cpu', folder));
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(10, 20, 30), [3]) });
    expect([...(y.data as Float32Array)]).toEqual([11, 22, 33]);
  });
});
