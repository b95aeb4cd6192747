import { CheckpointError } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';
import { NORM_EPSILONS } from './configuration.js';
import type {
  EpsilonChoice,
  SvdConfiguration,
  UnetConfiguration,
  UnetLevel,
  VaeConfiguration,
  VisionConfiguration,
} from './configuration.js';

/** What the shapes do not say. */
export interface SgmAssumptions {
  readonly epsilons: EpsilonChoice;
  /** Channels of an attention head in the UNet, in published models 64. */
  readonly unetHeadChannels: number;
  /** Channels of an attention head in the vision tower, in published models 80. */
  readonly visionHeadChannels: number;
  readonly frames: number;
}

type Tensors = ReadonlyMap<string, SourceTensor>;

/**
 * Reads the configuration off the tensors' shapes, under diffusers' names.
 * @throws CheckpointError naming the tensors whose shape is needed and that are missing
 */
export function configurationFromShapes(
  source: string,
  tensors: { readonly unet: Tensors; readonly vae: Tensors; readonly vision: Tensors },
  assumptions: SgmAssumptions,
): SvdConfiguration {
  const shapes = new Shapes();
  const configuration = {
    unet: unetFrom(shapes, tensors.unet, assumptions),
    vae: vaeFrom(shapes, tensors.vae),
    vision: visionFrom(shapes, tensors.vision, assumptions),
    frames: assumptions.frames,
    sigmaMin: 0.002,
    sigmaMax: 700,
  };
  if (shapes.missing.length === 0) return configuration;
  throw new CheckpointError(
    source,
    shapes.missing.map((name) => `missing: '${name}', which tells the size of the network`),
  );
}

/** Looks sizes up and keeps the names of tensors that are not there. */
class Shapes {
  readonly missing: string[] = [];

  size(tensors: Tensors, name: string, axis: number): number {
    const size = tensors.get(name)?.dims[axis];
    if (size === undefined) this.missing.push(name);
    return size ?? 1;
  }
}

/** How many in a row, from 0, have a tensor whose name begins so: `at(i)`. */
function countOf(tensors: Tensors, at: (index: number) => string): number {
  const names = [...tensors.keys()];
  let count = 0;
  while (names.some((name) => name.startsWith(at(count)))) count++;
  return count;
}

function unetFrom(shapes: Shapes, tensors: Tensors, assumptions: SgmAssumptions): UnetConfiguration {
  const size = Math.max(
    1,
    countOf(tensors, (i) => `down_blocks.${i}.`),
  );
  const has = (prefix: string) => countOf(tensors, (i) => (i === 0 ? prefix : '\0')) > 0;
  const headsOf = (channels: number) => Math.max(1, channels / assumptions.unetHeadChannels);
  const transformer = (at: string) => ({
    depth: Math.max(
      1,
      countOf(tensors, (i) => `${at}.transformer_blocks.${i}.`),
    ),
    contextChannels: shapes.size(tensors, `${at}.transformer_blocks.0.attn2.to_k.weight`, 1),
  });
  const middle = transformer('mid_block.attentions.0');
  const levels = Array.from({ length: size }, (_, i): UnetLevel => {
    const down = `down_blocks.${i}`;
    const up = `up_blocks.${size - 1 - i}`;
    const channels = shapes.size(tensors, `${down}.resnets.0.spatial_res_block.conv1.weight`, 0);
    const attendsDown = has(`${down}.attentions.0.`);
    const attendsUp = has(`${up}.attentions.0.`);
    const at = attendsDown ? down : up;
    return {
      channels,
      layers: Math.max(
        1,
        countOf(tensors, (l) => `${down}.resnets.${l}.`),
      ),
      heads: headsOf(channels),
      ...(attendsDown || attendsUp ? transformer(`${at}.attentions.0`) : middle),
      attendsDown,
      attendsUp,
    };
  });
  const added = shapes.size(tensors, 'add_embedding.linear_1.weight', 1);
  return {
    inChannels: shapes.size(tensors, 'conv_in.weight', 1),
    outChannels: shapes.size(tensors, 'conv_out.weight', 0),
    levels,
    middle: { ...middle, heads: headsOf(levels[size - 1].channels) },
    scalarWidth: added / 3,
    scalars: 3,
    epsilons: NORM_EPSILONS[assumptions.epsilons],
  };
}

function vaeFrom(shapes: Shapes, tensors: Tensors): VaeConfiguration {
  const down = countOf(tensors, (i) => `encoder.down_blocks.${i}.`);
  const up = countOf(tensors, (i) => `decoder.up_blocks.${i}.`);
  const encoder = Array.from({ length: Math.max(1, down) }, (_, i) =>
    shapes.size(tensors, `encoder.down_blocks.${i}.resnets.0.conv1.weight`, 0),
  );
  const decoder = Array.from({ length: Math.max(1, up) }, (_, i) =>
    shapes.size(tensors, `decoder.up_blocks.${i}.resnets.0.spatial_res_block.conv1.weight`, 0),
  );
  const layers = (prefix: string) =>
    Math.max(
      1,
      countOf(tensors, (l) => `${prefix}.resnets.${l}.`),
    );
  return {
    latentChannels: shapes.size(tensors, 'decoder.conv_in.weight', 1),
    encoder: { channels: encoder, layers: layers('encoder.down_blocks.0') },
    decoder: {
      channels: decoder.toReversed(),
      layers: Math.max(1, layers('decoder.up_blocks.0') - 1),
      middleBlocks: 2, // this layout's middle is always block, attention, block
    },
    scale: 0.18215,
  };
}

function visionFrom(shapes: Shapes, tensors: Tensors, assumptions: SgmAssumptions): VisionConfiguration {
  const embeddings = 'vision_model.embeddings';
  const width = shapes.size(tensors, `${embeddings}.patch_embedding.weight`, 0);
  const patch = shapes.size(tensors, `${embeddings}.patch_embedding.weight`, 2);
  const tokens = shapes.size(tensors, `${embeddings}.position_embedding.weight`, 0);
  return {
    width,
    layers: countOf(tensors, (i) => `vision_model.encoder.layers.${i}.`),
    heads: Math.max(1, width / assumptions.visionHeadChannels),
    hidden: shapes.size(tensors, 'vision_model.encoder.layers.0.mlp.fc1.weight', 0),
    patch,
    image: Math.round(Math.sqrt(tokens - 1)) * patch,
    projection: shapes.size(tensors, 'visual_projection.weight', 0),
    epsilon: 1e-5,
    activation: 'gelu',
  };
}
