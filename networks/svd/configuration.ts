import { GROUPS } from '../layers/index.js';

/** One resolution of the UNet, finest first. */
export interface UnetLevel {
  readonly channels: number;
  /** Residual blocks on the way down; on the way up there is one more. */
  readonly layers: number;
  readonly heads: number;
  /** Transformer blocks in a row in each transformer. */
  readonly depth: number;
  readonly contextChannels: number;
  readonly attendsDown: boolean;
  readonly attendsUp: boolean;
}

export interface UnetConfiguration {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly levels: readonly UnetLevel[];
  readonly middle: Pick<UnetLevel, 'heads' | 'depth' | 'contextChannels'>;
  /** Sinusoid width of each added scalar. */
  readonly scalarWidth: number;
  /** Added scalars: fps_id, motion bucket, cond_aug. */
  readonly scalars: number;
  readonly epsilons: NormEpsilons;
}

/** The residual blocks' group norms, on which the two published code bases differ. */
export interface NormEpsilons {
  /** Levels with transformers on the way down, and the whole way up. */
  readonly attending: number;
  /** Levels without transformers on the way down, and the middle. */
  readonly plain: number;
}

/** Training used 1e-5 throughout (generative-models); diffusers builds most blocks with 1e-6. */
export const NORM_EPSILONS = {
  sgm: { attending: 1e-5, plain: 1e-5 },
  diffusers: { attending: 1e-6, plain: 1e-5 },
} as const satisfies Record<string, NormEpsilons>;

/** Which code base's epsilons, whatever the layout of the file. */
export type EpsilonChoice = keyof typeof NORM_EPSILONS;

export interface VaeConfiguration {
  readonly latentChannels: number;
  readonly encoder: { readonly channels: readonly number[]; readonly layers: number };
  readonly decoder: {
    readonly channels: readonly number[];
    readonly layers: number;
    /** Residual blocks the file has in the middle; attention runs before the second, and what is beyond that never runs. */
    readonly middleBlocks: number;
  };
  /** The network's latents are this times the VAE's. */
  readonly scale: number;
}

export interface VisionConfiguration {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly patch: number;
  readonly image: number;
  readonly projection: number;
  readonly epsilon: number;
  /** `gelu` is the exact one with erf, `quick_gelu` x·sigmoid(1.702·x). */
  readonly activation: 'gelu' | 'quick_gelu';
}

export interface SvdConfiguration {
  readonly unet: UnetConfiguration;
  readonly vae: VaeConfiguration;
  readonly vision: VisionConfiguration;
  /** Frames the model was trained on. */
  readonly frames: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
}

/** What the networks' arithmetic forbids, one line for each fault. */
export function configurationProblems({ unet, vae, vision }: SvdConfiguration): string[] {
  const problems: string[] = [];
  const require = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const channels = [...unet.levels, ...vae.encoder.channels, ...vae.decoder.channels];
  for (const level of channels) {
    const count = typeof level === 'number' ? level : level.channels;
    require(count % GROUPS === 0, `${count} channels do not make ${GROUPS} groups`);
  }
  const wide = unet.levels.filter((level) => level.attendsDown || level.attendsUp);
  const last = unet.levels[unet.levels.length - 1];
  for (const { channels: width, heads } of [...wide, { ...last, ...unet.middle }]) {
    require(width % heads === 0, `unet: ${width} channels do not make ${heads} heads`);
  }
  require(vision.width % vision.heads ===
    0, `vision: ${vision.width} channels do not make ${vision.heads} heads`);
  require(vision.image % vision.patch ===
    0, `vision: ${vision.image} pixels do not make patches of ${vision.patch}`);
  require(unet.levels[0].channels % 2 === 0 &&
    unet.scalarWidth % 2 === 0, 'unet: sinusoids need an even width');
  require(unet.inChannels ===
    unet.outChannels +
      vae.latentChannels, `unet: ${unet.inChannels} input channels are not ${unet.outChannels} noisy and ${vae.latentChannels} of the picture`);
  require(unet.scalars === 3, `unet: expected 3 added scalars (fps, motion, noise), got ${unet.scalars}`);
  const contexts = new Set([unet.middle.contextChannels, ...wide.map((level) => level.contextChannels)]);
  for (const width of contexts) {
    require(width ===
      vision.projection, `unet: context width ${width}, the image encoder gives ${vision.projection}`);
  }
  return problems;
}
