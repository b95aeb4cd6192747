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

export interface UnetStage {
  readonly channels: number;
  readonly layers: readonly UnetLayer[];
  /** Name of the convolution that changes the size after the layers. */
  readonly resample: string | null;
}

/** Every block of a UNet in the order in which it runs, by diffusers' names. */
export interface UnetTopology {
  readonly down: readonly UnetStage[];
  readonly middle: readonly [ResBlock, Transformer, ResBlock];
  readonly up: readonly UnetStage[];
}

export function unetTopology({ levels, middle, epsilons }: UnetConfiguration): UnetTopology {
  const last = levels[levels.length - 1];
  const down = levels.map((level, i): UnetStage => {
    const name = `down_blocks.${i}`;
    const before = levels[Math.max(0, i - 1)].channels;
    const epsilon = level.attendsDown ? epsilons.attending : epsilons.plain;
    const layers = Array.from({ length: level.layers }, (_, l) => ({
      block: resBlock(`${name}.resnets.${l}`, l === 0 ? before : level.channels, level.channels, epsilon),
      transformer: level.attendsDown ? transformer(`${name}.attentions.${l}`, level) : null,
    }));
    return {
      channels: level.channels,
      layers,
      resample: level === last ? null : `${name}.downsamplers.0.conv`,
    };
  });
  const mid = (n: number) => resBlock(`mid_block.resnets.${n}`, last.channels, last.channels, epsilons.plain);
  return {
    down,
    middle: [mid(0), transformer('mid_block.attentions.0', { ...last, ...middle }), mid(1)],
    up: upStages(levels, skipChannels(down), epsilons.attending),
  };
}

/** Channels of the maps kept on the way down, in the order in which they arise. */
function skipChannels(down: readonly UnetStage[]): number[] {
  const first = down[0].layers[0].block.inputs;
  return down.reduce<number[]>(
    (skips, { channels, layers, resample }) => [
      ...skips,
      ...layers.map(() => channels),
      ...(resample === null ? [] : [channels]),
    ],
    [first],
  );
}

function upStages(levels: readonly UnetLevel[], skips: number[], epsilon: number): UnetStage[] {
  let channels = levels[levels.length - 1].channels;
  return levels.toReversed().map((level, i): UnetStage => {
    const name = `up_blocks.${i}`;
    const layers = Array.from({ length: level.layers + 1 }, (_, l) => {
      const inputs = channels + (skips.pop() ?? 0);
      channels = level.channels;
      return {
        block: resBlock(`${name}.resnets.${l}`, inputs, channels, epsilon),
        transformer: level.attendsUp ? transformer(`${name}.attentions.${l}`, level) : null,
      };
    });
    const isLast = i === levels.length - 1;
    return { channels, layers, resample: isLast ? null : `${name}.upsamplers.0.conv` };
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
export const resBlocksOf = ({ down, middle, up }: UnetTopology): ResBlock[] => [
  ...down.flatMap(({ layers }) => layers.map(({ block }) => block)),
  middle[0],
  middle[2],
  ...up.flatMap(({ layers }) => layers.map(({ block }) => block)),
];
