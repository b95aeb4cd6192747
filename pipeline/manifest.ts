import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SCALING_NAMES } from '../samplers/index.js';
import { PipelineError } from './errors.js';

/** The names that presets can have, from the slowest to the fastest. */
export const PRESETS = ['quality', 'balanced', 'fast'] as const;
export type PresetName = (typeof PRESETS)[number];

/** On disk a component's parameters lie beside its name, as on the wire. */
const component = z
  .object({ name: z.string() })
  .catchall(z.number())
  .transform(({ name, ...params }) => ({ name: String(name), params }));
const positive = z.number().int().min(1);
const fileName = z.string().regex(/^[\w.-]+$/, 'expected a plain file name');

/** Bytes of weights, and of what lies between a graph's nodes for each pixel of the picture in each frame of each row. */
const graphMemory = z.object({ fixed: z.number().min(0), per_pixel: z.number().min(0) });

export type GraphMemory = z.infer<typeof graphMemory>;

const manifestSchema = z.object({
  format: z.literal(1),
  name: z.string().min(1),
  version: z.string(),
  family: z.enum(['kenburns', 'svd']),
  description: z.string(),
  licence: z.string(),
  precision: z.enum(['fp32', 'fp16']),
  files: z.object({
    unet: fileName,
    vae_encoder: fileName,
    vae_decoder: fileName,
    image_encoder: fileName,
  }),
  /** By branch of `abilities.deepcache`: the graph of a shallow evaluation, and what that costs as a part of a whole one. */
  shallow: z
    .record(
      z.string().regex(/^\d+$/),
      z.object({ file: fileName, cost: z.number().positive().max(1), memory: graphMemory.optional() }),
    )
    .default({}),
  /** channels of one latent; network latents = scale × VAE latents; picture pixels per latent pixel */
  latent: z.object({ channels: positive, scale: z.number().positive(), divisor: positive }),
  /** width and height must be multiples of the divisor */
  picture: z.object({ divisor: positive }),
  context_channels: positive,
  scaling: z.enum(SCALING_NAMES),
  abilities: z.object({ guidance: z.boolean(), deepcache: z.array(z.number().int().min(0)) }),
  recipe: z.object({
    W: positive,
    H: positive,
    T: positive,
    fps: positive,
    steps: positive,
    motion_bucket_id: z.number(),
    cond_aug: z.number(),
    decoding_t: positive,
    sampler: component,
    discretization: component,
    guider: component,
  }),
  /** Ways to run the model that take more or less time, as fields of a request. */
  presets: z
    .partialRecord(z.enum(PRESETS), z.record(z.string(), z.union([z.string(), z.number()])))
    .default({}),
  /** The largest width, height, number of frames, and product of the three that the model can be run at. */
  limits: z.object({ W: positive, H: positive, T: positive, pixels: positive }),
  /** What each graph takes, where it is known. */
  memory: z
    .object({
      unet: graphMemory,
      vae_encoder: graphMemory,
      vae_decoder: graphMemory,
      image_encoder: graphMemory,
    })
    .optional(),
  /** rgb in 0–1 = bias + Σ_c z_c · matrix[c], one colour per latent pixel, z in the sampler's scale */
  preview: z.object({
    matrix: z.array(z.tuple([z.number(), z.number(), z.number()])),
    bias: z.tuple([z.number(), z.number(), z.number()]),
  }),
});

/** A model folder's `model.json`: what the model is, what it can do, and the recipe it is best run with. */
export type ModelManifest = z.infer<typeof manifestSchema>;

/**
 * Reads and checks `<folder>/model.json`.
 * @throws PipelineError `invalid_model` naming the folder and what is wrong with it
 */
export async function readManifest(folder: string): Promise<ModelManifest> {
  const path = join(folder, 'model.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new PipelineError('invalid_model', `${folder} is not a model folder: model.json cannot be read`, {
      cause,
    });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError('invalid_model', `${path} is not valid JSON`, { cause });
  }
  const parsed = manifestSchema.safeParse(content);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new PipelineError(
      'invalid_model',
      `${path} is not a valid model description: ${faults.join('; ')}`,
    );
  }
  const manifest = parsed.data;
  const bare = manifest.abilities.deepcache.find((branch) => !(branch in manifest.shallow));
  if (bare !== undefined) {
    throw new PipelineError(
      'invalid_model',
      `${path}: branch ${bare} of abilities.deepcache is not in shallow`,
    );
  }
  if (manifest.preview.matrix.length !== manifest.latent.channels) {
    throw new PipelineError('invalid_model', `${path}: preview.matrix must have one row per latent channel`);
  }
  return manifest;
}
