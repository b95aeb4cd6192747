/**
 * Time of a clip's ten steps with a middle-sized random UNet: plain; with the whole network evaluated at every third step
 * only (DeepCache), cut at each branch; and the first of these once more with each three steps unrolled into one graph.
 * They take turns in one process. Beside it stands the ratio that the operations predict.
 *
 *   npm run bench:cache [-- BRANCH,…]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import PQueue from 'p-queue';
import { shallowFile } from '../networks/svd/index.js';
import type { Conditioning } from '../pipeline/conditioning.js';
import { InferenceSession } from '../pipeline/onnx-runtime.js';
import { sessionOptions } from '../pipeline/session-options.js';
import { Sessions } from '../pipeline/sessions.js';
import type { ModelGraph } from '../pipeline/sessions.js';
import { unetNetwork } from '../pipeline/unet-network.js';
import type { CacheSettings, LatentShape, UnetModel } from '../pipeline/unet-network.js';
import { createSampling } from '../samplers/index.js';
import { unrolledFile, writeCachedGraphs } from './network-benches/cached-graphs.js';
import { largestDeviation } from './network-checks/deviation.js';
import { CHANNELS, CLIP, CONTEXT, noise, UNET } from './network-benches/middle-sized-unet.js';
import { sampleUnrolled, type UnrolledClip } from './network-benches/unrolled-steps.js';

const STEPS = 10;
const INTERVAL = 3;
const BRANCHES = [0, 1, 3];
const WHOLE_STEPS = Math.ceil(STEPS / INTERVAL);
/** Steps in one graph; the last graph of a run has what is left. */
const UNROLLED = [INTERVAL, STEPS % INTERVAL];

/** Times one run of the network. */
type Timed = (run: () => Promise<Float32Array>) => Promise<Float32Array>;

/** One of the ways to the same clip, or nearly. */
interface Contender {
  readonly name: string;
  /** Undefined for the plain one. */
  readonly branch?: number;
  /** Runs of the network that take it `INTERVAL` steps on. */
  readonly runsPerTurn: number;
  readonly sample: (timed: Timed) => Promise<Float32Array>;
}

interface Outcome extends Contender {
  /** In the network. */
  readonly milliseconds: number;
  readonly latents: Float32Array;
}

function clipToSample(): UnrolledClip {
  const { frames, height, width } = CLIP;
  const shape: LatentShape = [frames, UNET.outChannels, height, width];
  const latent = UNET.outChannels * height * width;
  const conditioning: Conditioning = {
    concat: noise(latent, 2),
    context: noise(CONTEXT, 3),
    addedTimeIds: [6, 127, 0.02],
  };
  const sampling = createSampling(
    {
      steps: STEPS,
      sampler: 'EulerEDMSampler',
      discretization: { name: 'EDMDiscretization', overrides: { sigma_min: 0.002, sigma_max: 700, rho: 7 } },
      guider: { name: 'LinearPredictionGuider', overrides: { max_cfg_scale: 3 } },
    },
    { frames },
  );
  return { sampling, conditioning, shape, noise: noise(frames * latent, 1) };
}

function contendersFor(
  clip: UnrolledClip,
  model: UnetModel,
  branches: readonly number[],
  unrolled: ReadonlyMap<number, ModelGraph>,
): Contender[] {
  const { sampling, conditioning, shape } = clip;
  const inTwoGraphs = (cache?: CacheSettings) => (timed: Timed) => {
    const inner = unetNetwork(model, conditioning, shape, undefined, cache);
    const network = {
      evaluate: (...args: Parameters<typeof inner.evaluate>) => timed(() => inner.evaluate(...args)),
    };
    return sampling.run({ network, shape, noise: clip.noise });
  };
  const [first] = branches;
  return [
    { name: 'plain', runsPerTurn: INTERVAL, sample: inTwoGraphs() },
    ...branches.map((branch) => ({
      name: `interval ${INTERVAL}, branch ${branch}`,
      branch,
      runsPerTurn: INTERVAL,
      sample: inTwoGraphs({ branch, interval: INTERVAL }),
    })),
    {
      name: `the same, unrolled, branch ${first}`,
      branch: first,
      runsPerTurn: 1,
      sample: (timed) =>
        sampleUnrolled(clip, INTERVAL, (steps, feeds) =>
          timed(() => unrolled.get(steps)?.run(feeds) ?? Promise.reject(new RangeError(`${steps} steps`))),
        ),
    },
  ];
}

/**
 * All contenders sample at once and take turns of as many steps, so that whatever else the machine does slows all alike.
 */
function compete(contenders: readonly Contender[]): Promise<Outcome[]> {
  const turns = new PQueue({ concurrency: 1 });
  const takeTurn = () =>
    new Promise<() => void>((begin) => void turns.add(() => new Promise<void>((end) => begin(end))));
  return Promise.all(
    contenders.map(async (contender): Promise<Outcome> => {
      let [milliseconds, runs] = [0, 0];
      let endTurn = (): void => undefined;
      const latents = await contender.sample(async (run) => {
        if (runs++ % contender.runsPerTurn === 0) {
          endTurn();
          endTurn = await takeTurn();
        }
        const start = performance.now();
        const values = await run();
        milliseconds += performance.now() - start;
        return values;
      });
      endTurn();
      return { ...contender, milliseconds, latents };
    }),
  );
}

async function bench(branches: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-cache-'));
  const sessions = new Sessions(
    (path) => InferenceSession.create(path, sessionOptions('cpu', folder)),
    false,
  );
  const graph = (file: string): ModelGraph => sessions.graph(join(folder, file));
  try {
    const costs = await writeCachedGraphs(folder, {
      configuration: UNET,
      clip: CLIP,
      branches,
      unrolled: UNROLLED,
    });
    const model: UnetModel = {
      unet: graph('unet.onnx'),
      shallow: new Map(branches.map((branch) => [branch, graph(shallowFile(branch))])),
      halfBatch: false,
    };
    const unrolled = new Map(UNROLLED.map((steps) => [steps, graph(unrolledFile(steps))]));
    for (const one of [model.unet, ...model.shallow.values(), ...unrolled.values()]) await one.load();
    report(await compete(contendersFor(clipToSample(), model, branches, unrolled)), costs);
  } finally {
    await sessions.releaseAll();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(outcomes: readonly Outcome[], costs: ReadonlyMap<number, number>): void {
  const { batch, frames, height, width } = CLIP;
  const [plain, cached] = outcomes;
  const unrolled = outcomes[outcomes.length - 1];
  const seconds = ({ milliseconds }: Outcome) => `${(milliseconds / 1000).toFixed(1)} s`;
  console.log(
    `UNet ${CHANNELS.join('/')}, input ${batch}×${frames}×${UNET.inChannels}×${height}×${width}, float32`,
  );
  console.log(`${cpus()[0].model}, ${availableParallelism()} cores; ${STEPS} steps, in the network alone`);
  for (const outcome of outcomes) {
    const { name, branch } = outcome;
    const line = `${name.padEnd(32)}${seconds(outcome)}`;
    if (branch === undefined) {
      console.log(line);
      continue;
    }
    const predicted = STEPS / (WHOLE_STEPS + (STEPS - WHOLE_STEPS) * (costs.get(branch) ?? 1));
    const measured = plain.milliseconds / outcome.milliseconds;
    const reached = `${((100 * measured) / predicted).toFixed(0)} %`;
    console.log(
      `${line}  ${measured.toFixed(2)} times as fast, ${predicted.toFixed(2)} predicted: ${reached}`,
    );
  }
  const difference = largestDeviation(unrolled.latents, cached.latents).toExponential(1);
  console.log(`unrolled and not, the latents differ by ${difference} of the largest value`);
}

const [branches] = process.argv.slice(2);
await bench(branches?.split(',').map(Number) ?? BRANCHES);
