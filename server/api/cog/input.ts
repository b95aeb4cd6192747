import { z } from 'zod';
import { clipFields } from '../../../pipeline/clip-fields.js';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { presetFields } from '../../../pipeline/presets.js';
import { InvalidParameterError } from '../../../samplers/index.js';
import { dataUrlHead } from '../../images/base64.js';
import { defaultSteps } from '../default-steps.js';
import { imageIndexField, imageUrlField, promptField, type RequestField } from '../fields.js';
import { ownFields } from '../further-fields.js';
import { laxFlag, laxInteger } from '../lax-fields.js';
import { CACHE_DEFAULTS, cacheFields, type CacheWish } from './deepcache.js';
import { fittingSteps } from './steps.js';

/** Cog's name of a field, the clip's field that it sets, and what holds where both are left out. */
const CLIP_NAMES = [
  { name: 'width', clip: 'W', fallback: 576 },
  { name: 'height', clip: 'H', fallback: 1024 },
  { name: 'num_frames', clip: 'T', fallback: 25 },
  { name: 'num_inference_steps', clip: 'steps', fallback: 50 },
  { name: 'decode_chunk_size', clip: 'decoding_t', fallback: 8 },
] as const;

const fallbackOf = ({ clip, fallback }: (typeof CLIP_NAMES)[number], manifest: ModelManifest): number =>
  clip === 'steps' ? defaultSteps(fallback, manifest) : fallback;

const imageField: RequestField<string | undefined> = {
  name: 'image',
  schema: z
    .string()
    .trim()
    .refine((text) => dataUrlHead(text) !== undefined || imageUrlField.schema.safeParse(text).success)
    .optional()
    .describe(
      'The picture to animate: a data URL in base64, or an http:// or https:// address; or give `prompt`',
    ),
  allowed: 'a data URL in base64, or an http:// or https:// address without credentials',
  secret: true,
};

const cacheField = <T>(
  name: keyof typeof CACHE_DEFAULTS,
  schema: z.ZodType<T>,
  allowed: string,
  description: string,
): RequestField<T | undefined> => ({
  name,
  schema: schema.optional().meta({ description, default: CACHE_DEFAULTS[name] }),
  allowed,
});

const enableField = cacheField('enable_deepcache', laxFlag, 'true or false', 'Whether DeepCache is used');
const intervalField = cacheField(
  'cache_interval',
  laxInteger(1, 100),
  'an integer from 1 to 100',
  'Steps from one evaluation of the whole network to the next',
);
const branchField = cacheField(
  'cache_branch_id',
  laxInteger(0, Number.MAX_SAFE_INTEGER),
  'an integer from 0',
  'Where the network is cut for the cache, 0 outermost',
);

/** Every field of `input`, with the ranges that the model allows. */
export function inputFields(manifest: ModelManifest): readonly RequestField<unknown>[] {
  const clip = ownFields(manifest).flatMap((field): RequestField<unknown>[] => {
    const renamed = CLIP_NAMES.find((candidate) => candidate.clip === field.name);
    if (!renamed) return [field];
    const schema = field.schema.meta({ ...field.schema.meta(), default: fallbackOf(renamed, manifest) });
    return [
      { ...field, name: renamed.name, schema },
      { ...field, schema },
    ];
  });
  return [imageField, promptField, imageIndexField, enableField, intervalField, branchField, ...clip];
}

/** `input`, once it is checked. */
export type CogInput = Readonly<Record<string, unknown>> &
  CacheWish & {
    readonly image?: string | undefined;
    readonly prompt?: string | undefined;
  };

/** What is asked for in the clip's own words. */
export interface CogClip {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** The clip that checked input asks for. */
export function clipOfInput(input: CogInput, manifest: ModelManifest): CogClip {
  const fields: Record<string, unknown> = {};
  const warnings: string[] = [];
  for (const { name } of clipFields(manifest)) if (input[name] !== undefined) fields[name] = input[name];
  for (const known of CLIP_NAMES) {
    const { name, clip } = known;
    if (input[name] !== undefined && fields[clip] !== undefined) {
      warnings.push(`${clip} is not used, because ${name} is given`);
    }
    const value =
      input[name] ?? fields[clip] ?? (isPreset(clip, input) ? undefined : fallbackOf(known, manifest));
    if (value !== undefined) fields[clip] = value;
  }
  const steps = fittingSteps(input, fields, manifest);
  const cache = cacheFields(input, manifest);
  return {
    fields: { ...fields, ...steps.fields, ...cache.fields },
    warnings: [...warnings, ...steps.warnings, ...cache.warnings],
  };
}

/** What a preset decides, no fallback does. */
const isPreset = (field: string, { preset }: CogInput): boolean =>
  preset !== undefined && presetFields().includes(field);

/** An error about a field of the clip, under the name by which the client knows the field. */
export function inCogsName(error: unknown, input: CogInput): unknown {
  if (!(error instanceof InvalidParameterError)) return error;
  const { field, given, allowed } = error;
  const name = CLIP_NAMES.find(({ clip }) => clip === field)?.name;
  const ownName = name === undefined || (input[name] === undefined && input[field] !== undefined);
  return ownName ? error : new InvalidParameterError(name, given, allowed);
}
