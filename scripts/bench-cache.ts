/**
 * Time of a clip's ten steps with a middle-sized random UNet: plain, and with the whole network evaluated at every third
 * step only (DeepCache), cut at each branch, turn by turn in one process; beside the ratio that the operations predict.
 *
 *   npm run bench:cache [-- BRANCH,…]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import PQueue from 'p-queue';
import { GraphWeights, portableLayers } from '../networks/layers/index.js';
import { encodeModel, Graph } from '../networks/onnx/index.js';
import type { StoredTensor } from '../networks/onnx/index.js';
import {
  buildShallowUnet,
  buildUnet,
  Network,
  savingBlocks,
  shallowCosts,
  shallowFile,
} from '../networks/svd/index.js';
import type { BlockMaker } from '../networks/svd/index.js';
import { WeightFile } from '../networks/weights/index.js';
import type { Conditioning } from '../pipeline/conditioning.js';
import { InferenceSession } from '../pipeline/onnx-runtime.js';
import { sessionOptions } from '../pipeline/session-options.js';
import { Sessions } from '../pipeline/sessions.js';
import { unetNetwork } from '../pipeline/unet-network.js';
import type { CacheSettings, LatentShape, UnetModel } from '../pipeline/unet-network.js';
import { createSampling } from '../samplers/index.js';
import type { Network as SamplerNetwork } from '../samplers/index.js';
import { CHANNELS, CLIP, CONTEXT, noise, RANDOM, UNET } from './network-benches/middle-sized-unet.js';

const STEPS = 10;
const INTERVAL = 3;
const BRANCHES = [0, 1, 3];
const WHOLE_STEPS = Math.ceil(STEPS / INTERVAL);

/** Writes the graphs of the UNet and gives the cost of each branch's shallow evaluation as a part of a whole one. */
async function writeGraphs(
  folder: string,
  branches: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const file = new WeightFile('weights.data');
  const stored = new Map<string, StoredTensor>();
  const build = (name: string, describe: (net: Network, makeBlocks: BlockMaker) => void): Graph => {
    const g = new Graph(name);
    const weights = new GraphWeights(g, { file, stored, storage: 'float32', compute: 'float32' });
    const net = new Network(portableLayers(weights), RANDOM);
    describe(net, (clip, conditions, resBlocks) =>
      savingBlocks(net, UNET, clip, conditions, resBlocks, CLIP.frames),
    );
    return g;
  };
  const unet = build('unet', (net, blocks) => buildUnet(net, UNET, blocks, branches));
  const shallow = new Map(
    branches.map((branch) => [
      branch,
      build(`unet-shallow-b${branch}`, (net, blocks) => buildShallowUnet(net, UNET, blocks, branch)),
    ]),
  );
  await file.write(join(folder, file.fileName), () => undefined);
  const write = (name: string, g: Graph) =>
    writeFile(join(folder, name), encodeModel(g, { producer: 'bench', version: '1' }));
  await write('unet.onnx', unet);
  for (const [branch, g] of shallow) await write(shallowFile(branch), g);
  return shallowCosts({ unet, shallow }, UNET, CLIP);
}

/** One of the clips that are compared. */
interface Contender {
  readonly cache: CacheSettings | undefined;
  /** In the network, so far. */
  milliseconds: number;
}

/** Samples a clip whose evaluations wait for their turn, so that whatever else the machine does slows all alike. */
async function sample(model: UnetModel, contender: Contender, turns: PQueue): Promise<void> {
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
  const inner = unetNetwork(model, conditioning, shape, undefined, contender.cache);
  const network: SamplerNetwork = {
    evaluate: (...args) =>
      turns.add(async () => {
        const start = performance.now();
        const raw = await inner.evaluate(...args);
        contender.milliseconds += performance.now() - start;
        return raw;
      }),
  };
  await sampling.run({ network, shape, noise: noise(frames * latent, 1) });
}

async function bench(branches: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-cache-'));
  const sessions = new Sessions(
    (path) => InferenceSession.create(path, sessionOptions('cpu', folder)),
    false,
  );
  try {
    const costs = await writeGraphs(folder, branches);
    const model: UnetModel = {
      unet: sessions.graph(join(folder, 'unet.onnx')),
      shallow: new Map(branches.map((branch) => [branch, sessions.graph(join(folder, shallowFile(branch)))])),
      halfBatch: false,
    };
    for (const graph of [model.unet, ...model.shallow.values()]) await graph.load();
    const contenders = [undefined, ...branches].map((branch): Contender => ({
      cache: branch === undefined ? undefined : { branch, interval: INTERVAL },
      milliseconds: 0,
    }));
    const turns = new PQueue({ concurrency: 1 });
    await Promise.all(contenders.map((contender) => sample(model, contender, turns)));
    report(contenders, costs);
  } finally {
    await sessions.releaseAll();
    await rm(folder, { recursive: true, force: true });
  }
}

function report([plain, ...cached]: readonly Contender[], costs: ReadonlyMap<number, number>): void {
  const { batch, frames, height, width } = CLIP;
  const seconds = ({ milliseconds }: Contender) => `${(milliseconds / 1000).toFixed(1)} s`;
  console.log(
    `UNet ${CHANNELS.join('/')}, input ${batch}×${frames}×${UNET.inChannels}×${height}×${width}, float32`,
  );
  console.log(`${cpus()[0].model}, ${availableParallelism()} cores; ${STEPS} steps, in the network alone`);
  console.log(`plain                   ${seconds(plain)}`);
  for (const contender of cached) {
    const { branch = 0 } = contender.cache ?? {};
    const predicted = STEPS / (WHOLE_STEPS + (STEPS - WHOLE_STEPS) * (costs.get(branch) ?? 1));
    const measured = plain.milliseconds / contender.milliseconds;
    console.log(
      `interval ${INTERVAL}, branch ${branch}`.padEnd(24) +
        `${seconds(contender)}  ${measured.toFixed(2)} times as fast, ` +
        `${predicted.toFixed(2)} predicted: ${((100 * measured) / predicted).toFixed(0)} %`,
    );
  }
}

const [branches] = process.argv.slice(2);
await bench(branches?.split(',').map(Number) ?? BRANCHES);
