import '../../one-runtime.cjs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shallowFile } from '../../../networks/svd/index.js';
import { InferenceSession } from '../../../pipeline/onnx-runtime.js';
import { sessionOptions } from '../../../pipeline/session-options.js';
import { Sessions, type ModelGraph } from '../../../pipeline/sessions.js';
import { unetNetwork, type LatentShape } from '../../../pipeline/unet-network.js';
import { createSampling } from '../../../samplers/index.js';
import { unrolledFile, writeCachedGraphs } from '../../../scripts/network-benches/cached-graphs.js';
import { noise, UNET } from '../../../scripts/network-benches/middle-sized-unet.js';
import { sampleUnrolled, type UnrolledClip } from '../../../scripts/network-benches/unrolled-steps.js';
import { largestDeviation } from '../../../scripts/network-checks/deviation.js';

const CLIP = { frames: 2, height: 8, width: 8 };
const INTERVAL = 3;
const STEPS = 5;
const CONTEXT = 16;
/** Two levels as the benchmark's network has them, narrower. */
const SMALL = {
  ...UNET,
  levels: [32, 64].map((channels, i) => ({
    ...UNET.levels[i],
    channels,
    heads: 2,
    contextChannels: CONTEXT,
  })),
  middle: { heads: 2, depth: 1, contextChannels: CONTEXT },
  scalarWidth: 32,
};

const folder = mkdtempSync(join(tmpdir(), 'unrolled-'));
const sessions = new Sessions((path) => InferenceSession.create(path, sessionOptions('cpu', folder)), false);
const graph = (file: string): ModelGraph => sessions.graph(join(folder, file));
beforeAll(async () => {
  await writeCachedGraphs(folder, { configuration: SMALL, clip: CLIP, branches: [0], unrolled: [3, 2, 1] });
});
afterAll(async () => {
  await sessions.releaseAll();
  rmSync(folder, { recursive: true });
});

const { frames, height, width } = CLIP;
const shape: LatentShape = [frames, 4, height, width];
const clip: UnrolledClip = {
  sampling: createSampling(
    {
      steps: STEPS,
      sampler: 'EulerEDMSampler',
      discretization: { name: 'EDMDiscretization', overrides: { sigma_min: 0.002, sigma_max: 700, rho: 7 } },
      guider: { name: 'LinearPredictionGuider', overrides: { max_cfg_scale: 3 } },
    },
    { frames },
  ),
  conditioning: {
    concat: noise(4 * height * width, 2),
    context: noise(CONTEXT, 3),
    addedTimeIds: [6, 127, 0.02],
  },
  shape,
  noise: noise(frames * 4 * height * width, 1),
};
const unrolledBy = (interval: number): Promise<Float32Array> =>
  sampleUnrolled(clip, interval, (steps, feeds) => graph(unrolledFile(steps)).run(feeds));
const inTwoGraphs = (interval: number): Promise<Float32Array> => {
  const model = {
    unet: graph('unet.onnx'),
    shallow: new Map([[0, graph(shallowFile(0))]]),
    halfBatch: false,
  };
  const network = unetNetwork(model, clip.conditioning, shape, undefined, { branch: 0, interval });
  return clip.sampling.run({ network, shape, noise: clip.noise });
};

describe('steps unrolled into one graph', () => {
  test.each([1, 2, INTERVAL])('are those of the sampler with an interval of %i', async (interval) => {
    const cached = await inTwoGraphs(interval);
    expect(largestDeviation(await unrolledBy(interval), cached)).toBeLessThan(1e-5);
  });

  test('differ where the feature is of another step', async () => {
    expect(largestDeviation(await unrolledBy(1), await inTwoGraphs(INTERVAL))).toBeGreaterThan(1e-4);
  });
});
