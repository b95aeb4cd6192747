import { CheckpointError } from '../checkpoint/index.js';
import type { TensorLedger } from '../checkpoint/index.js';
import { channelsLastLayers, GraphWeights, plainLayers, portableLayers } from '../layers/index.js';
import type { Layers } from '../layers/index.js';
import { Graph } from '../onnx/index.js';
import { WeightFile } from '../weights/index.js';
import type { WeightType } from '../weights/index.js';
import type { SvdCheckpoint } from './checkpoint.js';
import { buildImageEncoder } from './image-encoder.js';
import { Network } from './network.js';
import { plainBlocks } from './plain-blocks.js';
import { savingBlocks } from './saving-blocks.js';
import { buildUnet } from './unet.js';
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
  readonly vae_encoder: Graph;
  readonly vae_decoder: Graph;
  readonly image_encoder: Graph;
  readonly weights: WeightFile;
}

/**
 * Builds the four graphs of a checkpoint and plans their common data file.
 * @param maxFrames the longest clip the UNet takes
 * @throws CheckpointError naming every missing, unused and wrongly shaped tensor
 */
export function buildSvdGraphs(
  { source, configuration, ledgers, strays }: SvdCheckpoint,
  form: GraphForm,
  maxFrames: number,
  makeGraph = (name: string): Graph => new Graph(name),
): SvdGraphs {
  const weights = new WeightFile('weights.data');
  const build = (name: string, ledger: TensorLedger, describe: (net: Network) => void, full = false) => {
    const g = makeGraph(name);
    describe(new Network(layersOf(g, weights, form, full), ledger));
    return g;
  };
  const { unet, vae, vision } = configuration;
  const graphs = {
    unet: build('svd-unet', ledgers.unet, (net) =>
      buildUnet(net, unet, (clip, conditions) =>
        form.plain
          ? plainBlocks(net, unet, clip, conditions)
          : savingBlocks(net, unet, clip, conditions, maxFrames),
      ),
    ),
    // Encoding loses precision visibly in half floats (the VAE's configuration says force_upcast).
    vae_encoder: build('svd-vae-encoder', ledgers.vae, (net) => buildVaeEncoder(net, vae), true),
    vae_decoder: build('svd-vae-decoder', ledgers.vae, (net) => buildVaeDecoder(net, vae)),
    image_encoder: build('svd-image-encoder', ledgers.vision, (net) => buildImageEncoder(net, vision)),
    weights,
  };
  const problems = Object.values(ledgers).flatMap((ledger) => ledger.problems());
  problems.push(...strays.map((name) => `unused: '${name}' belongs to no network`));
  if (problems.length > 0) throw new CheckpointError(source, problems);
  return graphs;
}

function layersOf(g: Graph, file: WeightFile, form: GraphForm, full: boolean): Layers {
  const half: WeightType = form.precision === 'fp16' ? 'float16' : 'float32';
  if (form.target === 'cuda') {
    const type = full ? 'float32' : half;
    return channelsLastLayers(new GraphWeights(g, { file, storage: type, compute: type }));
  }
  const weights = new GraphWeights(g, { file, storage: half, compute: 'float32' });
  return form.plain ? plainLayers(weights) : portableLayers(weights);
}
