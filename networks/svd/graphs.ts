import { CheckpointError } from '../checkpoint/index.js';
import { channelsLastLayers, GraphWeights, plainLayers, portableLayers } from '../layers/index.js';
import type { Layers, WeightSettings } from '../layers/index.js';
import { Graph } from '../onnx/index.js';
import type { StoredTensor } from '../onnx/index.js';
import { WeightFile } from '../weights/index.js';
import type { WeightType } from '../weights/index.js';
import { branchesOf } from './branches.js';
import type { SvdCheckpoint } from './checkpoint.js';
import type { Part } from './diffusers-folder.js';
import { buildImageEncoder } from './image-encoder.js';
import { Network } from './network.js';
import { plainBlocks } from './plain-blocks.js';
import { savingBlocks } from './saving-blocks.js';
import { buildShallowUnet, buildUnet } from './unet.js';
import type { BlockMaker } from './unet.js';
import { buildVaeDecoder, buildVaeEncoder } from './vae.js';

export interface GraphForm {
  /** `portable` runs anywhere; `cuda` has channels last and fused operators that only NVIDIA devices have. */
  readonly target: 'portable' | 'cuda';
  /** Of the weights. The cuda form computes in it as well, but for the VAE's encoder; the portable one in float32. */
  readonly precision: 'fp32' | 'fp16';
  /** As published, without any saving, to compare with. Portable only. */
  readonly plain: boolean;
}

export interface SvdGraphs {
  readonly unet: Graph;
  /** By branch: the part of the UNet that is evaluated between two evaluations of the whole. */
  readonly shallow: ReadonlyMap<number, Graph>;
  readonly vae_encoder: Graph;
  readonly vae_decoder: Graph;
  readonly image_encoder: Graph;
  readonly weights: WeightFile;
}

export interface GraphOptions {
  /** The longest clip the UNet takes. */
  readonly maxFrames: number;
  /** Branches at which the UNet's features can be kept; default none. */
  readonly branches?: readonly number[];
  /** Stands in for the graph's own constructor. */
  readonly makeGraph?: (name: string) => Graph;
}

/**
 * Builds the graphs of a checkpoint and plans their common data file, in which the shallow graphs point at the UNet's
 * own weights.
 * @throws CheckpointError naming every missing, unused and wrongly shaped tensor, and a branch that there is not
 */
export function buildSvdGraphs(
  { source, configuration, ledgers, strays }: SvdCheckpoint,
  form: GraphForm,
  { maxFrames, branches = [], makeGraph = (name) => new Graph(name) }: GraphOptions,
): SvdGraphs {
  const { unet, vae, vision } = configuration;
  checkBranches(source, branches, branchesOf(unet));
  const file = new WeightFile('weights.data');
  // Each network's own, since names of tensors may repeat from one to another.
  const stored: Readonly<Record<Part, Map<string, StoredTensor>>> = {
    unet: new Map(),
    vae: new Map(),
    vision: new Map(),
  };
  const build = (name: string, part: Part, describe: (net: Network) => void, full = false) => {
    const g = makeGraph(name);
    const settings = { file, stored: stored[part] };
    describe(new Network(layersOf(g, settings, form, full), ledgers[part]));
    return g;
  };
  const blocksOf =
    (net: Network): BlockMaker =>
    (clip, conditions, resBlocks) =>
      form.plain
        ? plainBlocks(net, unet, clip, conditions)
        : savingBlocks(net, unet, clip, conditions, resBlocks, maxFrames);
  const graphs = {
    unet: build('svd-unet', 'unet', (net) => buildUnet(net, unet, blocksOf(net), branches)),
    shallow: new Map(
      branches.map((branch) => [
        branch,
        build(`svd-unet-shallow-b${branch}`, 'unet', (net) =>
          buildShallowUnet(net, unet, blocksOf(net), branch),
        ),
      ]),
    ),
    // Encoding loses precision visibly in half floats (the VAE's configuration says force_upcast).
    vae_encoder: build('svd-vae-encoder', 'vae', (net) => buildVaeEncoder(net, vae), true),
    vae_decoder: build('svd-vae-decoder', 'vae', (net) => buildVaeDecoder(net, vae)),
    image_encoder: build('svd-image-encoder', 'vision', (net) => buildImageEncoder(net, vision)),
    weights: file,
  };
  const problems = Object.values(ledgers).flatMap((ledger) => ledger.problems());
  problems.push(...strays.map((name) => `unused: '${name}' belongs to no network`));
  if (problems.length > 0) throw new CheckpointError(source, problems);
  return graphs;
}

function checkBranches(source: string, wanted: readonly number[], there: readonly number[]): void {
  const problems = wanted
    .filter((branch) => !there.includes(branch))
    .map((branch) => `the UNet has no branch ${branch}; its branches are ${there.join(', ')}`);
  if (problems.length > 0) throw new CheckpointError(source, problems);
}

function layersOf(
  g: Graph,
  place: Pick<WeightSettings, 'file' | 'stored'>,
  form: GraphForm,
  full: boolean,
): Layers {
  const half: WeightType = form.precision === 'fp16' ? 'float16' : 'float32';
  if (form.target === 'cuda') {
    const type = full ? 'float32' : half;
    return channelsLastLayers(new GraphWeights(g, { ...place, storage: type, compute: type }));
  }
  const weights = new GraphWeights(g, { ...place, storage: half, compute: 'float32' });
  return form.plain ? plainLayers(weights) : portableLayers(weights);
}
