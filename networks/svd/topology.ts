import type { UnetConfiguration, UnetLevel } from './configuration.js';

/** A spatio-temporal residual block. */
export interface ResBlock {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly epsilon: number;
  readonly temporalEpsilon: number;
}

/** A spatio-temporal transformer. */
export interface Transformer {
  readonly name: string;
  readonly channels: number;
  readonly heads: number;
  readonly depth: number;
  readonly contextChannels: number;
}

export interface UnetLayer {
  readonly block: ResBlock;
  readonly transformer: Transformer | null;
}

/** One step on the way down: a layer, or the convolution that halves the size. Each leaves a map for the way up. */
export type InputBlock =
  | (UnetLayer & { readonly stage: number })
  | { readonly stage: number; readonly downsampler: string; readonly channels: number };

/** One step on the way up. It takes back the newest map from the way down, behind its own channels. */
export interface OutputBlock extends UnetLayer {
  readonly stage: number;
  /** Name of the convolution after doubling the size. */
  readonly upsampler: string | null;
}

/** Every block of a UNet in the order in which it runs, by diffusers' names. Before them all comes `conv_in`. */
export interface UnetTopology {
  readonly inputs: readonly InputBlock[];
  /** null where everything below a point is left out. */
  readonly middle: readonly [ResBlock, Transformer, ResBlock] | null;
  /** One for each map from the way down, that of `conv_in` among them. */
  readonly outputs: readonly OutputBlock[];
}

export function unetTopology(configuration: UnetConfiguration): UnetTopology {
  const { levels, middle, epsilons } = configuration;
  const last = levels[levels.length - 1];
  const mid = (n: number) => resBlock(`mid_block.resnets.${n}`, last.channels, last.channels, epsilons.plain);
  return {
    inputs: levels.flatMap((level, i) => inputBlocks(configuration, level, i)),
    middle: [mid(0), transformer('mid_block.attentions.0', { ...last, ...middle }), mid(1)],
    outputs: outputBlocks(configuration),
  };
}

function inputBlocks({ levels, epsilons }: UnetConfiguration, level: UnetLevel, stage: number): InputBlock[] {
  const name = `down_blocks.${stage}`;
  const before = levels[Math.max(0, stage - 1)].channels;
  const epsilon = level.attendsDown ? epsilons.attending : epsilons.plain;
  const layers = Array.from({ length: level.layers }, (_, l) => ({
    stage,
    block: resBlock(`${name}.resnets.${l}`, l === 0 ? before : level.channels, level.channels, epsilon),
    transformer: level.attendsDown ? transformer(`${name}.attentions.${l}`, level) : null,
  }));
  if (stage === levels.length - 1) return layers;
  return [...layers, { stage, downsampler: `${name}.downsamplers.0.conv`, channels: level.channels }];
}

/** Channels of the maps kept on the way down, in the order in which they arise. */
const skipChannels = (levels: readonly UnetLevel[]): number[] => [
  levels[0].channels,
  ...levels.flatMap(({ channels, layers }, i) =>
    new Array<number>(i === levels.length - 1 ? layers : layers + 1).fill(channels),
  ),
];

function outputBlocks({ levels, epsilons }: UnetConfiguration): OutputBlock[] {
  const skips = skipChannels(levels);
  let channels = levels[levels.length - 1].channels;
  return levels.toReversed().flatMap((level, stage) => {
    const name = `up_blocks.${stage}`;
    return Array.from({ length: level.layers + 1 }, (_, l): OutputBlock => {
      const inputs = channels + (skips.pop() ?? 0);
      channels = level.channels;
      const isLast = l === level.layers && stage < levels.length - 1;
      return {
        stage,
        block: resBlock(`${name}.resnets.${l}`, inputs, channels, epsilons.attending),
        transformer: level.attendsUp ? transformer(`${name}.attentions.${l}`, level) : null,
        upsampler: isLast ? `${name}.upsamplers.0.conv` : null,
      };
    });
  });
}

const resBlock = (name: string, inputs: number, outputs: number, epsilon: number): ResBlock => ({
  name,
  inputs,
  outputs,
  epsilon,
  temporalEpsilon: epsilon,
});

const transformer = (name: string, level: Omit<Transformer, 'name'>): Transformer => ({
  name,
  channels: level.channels,
  heads: level.heads,
  depth: level.depth,
  contextChannels: level.contextChannels,
});

/** All residual blocks, in the order in which they run. */
export const resBlocksOf = ({ inputs, middle, outputs }: UnetTopology): ResBlock[] => [
  ...inputs.flatMap((input) => ('block' in input ? [input.block] : [])),
  ...(middle === null ? [] : [middle[0], middle[2]]),
  ...outputs.map(({ block }) => block),
];
