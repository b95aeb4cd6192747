import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../checkpoint/index.js';
import { hasCode } from '../system-error.js';
import { NORM_EPSILONS } from './configuration.js';
import type { EpsilonChoice, SvdConfiguration, UnetConfiguration, UnetLevel } from './configuration.js';

const count = z.number().int().min(1);
/** One value for all levels, or one for each. */
const perLevel = z.union([count, z.array(count).min(1)]);

const unetSchema = z.object({
  _class_name: z.literal('UNetSpatioTemporalConditionModel').optional(),
  in_channels: count.default(8),
  out_channels: count.default(4),
  block_out_channels: z.array(count).min(1),
  layers_per_block: perLevel.default(2),
  num_attention_heads: perLevel,
  transformer_layers_per_block: perLevel.default(1),
  cross_attention_dim: perLevel.default(1024),
  addition_time_embed_dim: count.default(256),
  projection_class_embeddings_input_dim: count.default(768),
  down_block_types: z.array(z.enum(['CrossAttnDownBlockSpatioTemporal', 'DownBlockSpatioTemporal'])),
  up_block_types: z.array(z.enum(['CrossAttnUpBlockSpatioTemporal', 'UpBlockSpatioTemporal'])),
  num_frames: count.default(25),
});

const vaeSchema = z.object({
  _class_name: z.literal('AutoencoderKLTemporalDecoder').optional(),
  in_channels: z.literal(3).default(3),
  out_channels: z.literal(3).default(3),
  block_out_channels: z.array(count).min(1),
  layers_per_block: count.default(1),
  latent_channels: count.default(4),
  scaling_factor: z.number().positive().default(0.18215),
});

const visionSchema = z.object({
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  patch_size: count,
  image_size: count,
  projection_dim: count,
  num_channels: z.literal(3).default(3),
  layer_norm_eps: z.number().positive().default(1e-5),
  hidden_act: z.enum(['gelu', 'quick_gelu']).default('quick_gelu'),
});

const schedulerSchema = z.object({
  prediction_type: z.literal('v_prediction').default('v_prediction'),
  sigma_min: z.number().positive().nullish(),
  sigma_max: z.number().positive().nullish(),
});

/**
 * Reads the configuration of a pipeline folder in diffusers' layout: `unet`, `vae`, `image_encoder` and, where there is
 * one, `scheduler`.
 * @throws CheckpointError naming the file and each field at fault
 */
export function readDiffusersConfiguration(folder: string, epsilons: EpsilonChoice): SvdConfiguration {
  const unet = read(join(folder, 'unet', 'config.json'), unetSchema);
  const vae = read(join(folder, 'vae', 'config.json'), vaeSchema);
  const vision = read(join(folder, 'image_encoder', 'config.json'), visionSchema);
  const scheduler = read(join(folder, 'scheduler', 'scheduler_config.json'), schedulerSchema, {});
  const { block_out_channels: channels, layers_per_block: layers } = vae;
  return {
    unet: unetConfiguration(join(folder, 'unet', 'config.json'), unet, epsilons),
    vae: {
      latentChannels: vae.latent_channels,
      encoder: { channels, layers },
      decoder: { channels, layers, middleBlocks: layers },
      scale: vae.scaling_factor,
    },
    vision: {
      width: vision.hidden_size,
      layers: vision.num_hidden_layers,
      heads: vision.num_attention_heads,
      hidden: vision.intermediate_size,
      patch: vision.patch_size,
      image: vision.image_size,
      projection: vision.projection_dim,
      epsilon: vision.layer_norm_eps,
      activation: vision.hidden_act,
    },
    frames: unet.num_frames,
    sigmaMin: scheduler.sigma_min ?? 0.002,
    sigmaMax: scheduler.sigma_max ?? 700,
  };
}

function unetConfiguration(
  path: string,
  unet: z.infer<typeof unetSchema>,
  epsilons: EpsilonChoice,
): UnetConfiguration {
  const size = unet.block_out_channels.length;
  const field = (
    name: 'layers_per_block' | 'num_attention_heads' | 'transformer_layers_per_block' | 'cross_attention_dim',
  ) => spread(path, name, unet[name], size);
  const [layers, heads] = [field('layers_per_block'), field('num_attention_heads')];
  const [depth, context] = [field('transformer_layers_per_block'), field('cross_attention_dim')];
  const down = spread(path, 'down_block_types', unet.down_block_types, size);
  const up = spread(path, 'up_block_types', unet.up_block_types, size).toReversed();
  const levels = unet.block_out_channels.map((channels, i): UnetLevel => ({
    channels,
    layers: layers[i],
    heads: heads[i],
    depth: depth[i],
    contextChannels: context[i],
    attendsDown: down[i].startsWith('CrossAttn'),
    attendsUp: up[i].startsWith('CrossAttn'),
  }));
  const { heads: midHeads, depth: midDepth, contextChannels } = levels[size - 1];
  return {
    inChannels: unet.in_channels,
    outChannels: unet.out_channels,
    levels,
    middle: { heads: midHeads, depth: midDepth, contextChannels },
    scalarWidth: unet.addition_time_embed_dim,
    scalars: unet.projection_class_embeddings_input_dim / unet.addition_time_embed_dim,
    epsilons: NORM_EPSILONS[epsilons],
  };
}

function spread<T>(path: string, field: string, value: T | readonly T[], size: number): readonly T[] {
  if (!Array.isArray(value)) return Array.from({ length: size }, () => value as T);
  if (value.length === size) return value as readonly T[];
  throw new CheckpointError(path, [`${field}: expected one value or ${size}, got ${value.length}`]);
}

function read<S extends z.ZodType>(path: string, schema: S, missing?: object): z.infer<S> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const absent = hasCode(cause, 'ENOENT');
    if (!absent || missing === undefined) {
      const problem = absent ? 'is missing' : 'cannot be read as JSON';
      throw new CheckpointError(path, [problem], { cause });
    }
    content = missing;
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CheckpointError(path, problems);
}
