import { randomInt } from 'node:crypto';
import { z } from 'zod';
import {
  COMPONENT_KINDS,
  createSampling,
  InvalidParameterError,
  InvalidScheduleError,
  resolveRecipe,
  specOf,
  type Recipe,
  type ResolvedComponent,
  type ResolvedRecipe,
} from '../samplers/index.js';
import { allowedValues, clipFields, MAX_SEED, type ClipField } from './clip-fields.js';
import type { ClipParams } from './clip-params.js';
import { resolveDeepcache } from './deepcache-fields.js';
import { MAX_GIF_FPS } from './gif.js';
import type { ModelManifest, PresetName } from './manifest.js';
import { startingFrom } from './presets.js';

/** A request's parameters, resolved, and what the caller should know about them. */
export interface ResolvedClip {
  readonly params: ClipParams;
  readonly warnings: readonly string[];
}

const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Forms carry numbers as text: gives the number, and anything else as it is. */
export const numberFromText = (value: unknown): unknown =>
  typeof value === 'string' && NUMERIC.test(value.trim()) ? Number(value) : value;

/** A seed for whoever names none. */
export const drawSeed = (least = 0): number => randomInt(least, MAX_SEED + 1);

/** What a field of a clip holds. */
export type FieldValue = string | number | undefined;

/** @param own the recipe's value, which is allowed also where it lies beyond the field's range */
function fieldSchema(field: ClipField, own: number | undefined): z.ZodType<FieldValue> {
  const { type, min, max, multipleOf, choices } = field;
  const error = `it must be ${allowedValues(field)}`;
  if (type === 'choice') return z.enum((choices ?? []).map(String), { error });
  let schema = type === 'integer' ? z.number().int() : z.number();
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  if (multipleOf !== undefined) schema = schema.multipleOf(multipleOf);
  if (choices) schema = schema.refine((value) => choices.includes(value), { error });
  const isWithin = own === undefined || schema.safeParse(own).success;
  return z.preprocess(numberFromText, isWithin ? schema : schema.or(z.literal(own)));
}

/** The schema of a clip request for a model: every field optional, no other field allowed. */
export function clipSchema(manifest: ModelManifest): z.ZodObject<Record<string, z.ZodType<FieldValue>>> {
  const { recipe } = manifest;
  const own = new Map(COMPONENT_KINDS.flatMap((kind) => Object.entries(recipe[kind].params)));
  const shape = clipFields(manifest).map((field) => [
    field.name,
    fieldSchema(field, own.get(field.name)).optional().meta(documentation(field, manifest)),
  ]);
  return z.strictObject(Object.fromEntries(shape) as Record<string, z.ZodType<FieldValue>>);
}

/** What a reader of the schema is told besides: help, and the value that holds where the field is left out. */
function documentation({ name, description, multipleOf, choices }: ClipField, { recipe }: ModelManifest) {
  const setting: unknown = (recipe as Readonly<Record<string, unknown>>)[name];
  const component = typeof setting === 'object' ? (setting as { readonly name: string }).name : setting;
  return {
    description,
    ...(multipleOf === undefined ? {} : { multipleOf }),
    ...(choices === undefined ? {} : { enum: choices }),
    ...(component === undefined ? {} : { default: component }),
  };
}

/**
 * Resolves the wire fields of a clip for a model: a component that is left out is the model's recipe's, or the preset's,
 * a named one starts from its documented defaults, and what is given overrides either.
 *
 * @throws InvalidParameterError with the field, what was given and what is allowed
 */
export function resolveClip(
  fields: Readonly<Record<string, unknown>>,
  manifest: ModelManifest,
): ResolvedClip {
  const given = check(fields, manifest);
  const { recipe } = manifest;
  const start = startingFrom(given.preset as PresetName | undefined, manifest);
  const sampling = resolveRecipe(given, start.recipe);
  const setting = (name: 'W' | 'H' | 'T' | 'fps' | 'motion_bucket_id' | 'cond_aug' | 'decoding_t'): number =>
    Number(given[name] ?? recipe[name]);
  const params: ClipParams = {
    W: setting('W'),
    H: setting('H'),
    T: setting('T'),
    fps: setting('fps'),
    seed: (given.seed as number | undefined) ?? drawSeed(),
    steps: sampling.steps,
    motion_bucket_id: setting('motion_bucket_id'),
    cond_aug: setting('cond_aug'),
    decoding_t: setting('decoding_t'),
    decoding_overlap: (given.decoding_overlap as number | undefined) ?? 0,
    num_cols: (given.num_cols as number | undefined) ?? 1,
    fit: (given.fit as ClipParams['fit'] | undefined) ?? 'cover',
    outputs: (given.outputs as ClipParams['outputs'] | undefined) ?? 'mp4',
    ...resolveDeepcache({ ...start.caching, ...given }, manifest),
    sampler: sampling.sampler.name,
    discretization: sampling.discretization.name,
    guider: sampling.guider.name,
    ...sampling.sampler.params,
    ...sampling.discretization.params,
    ...sampling.guider.params,
  };
  checkVolume(params, manifest);
  checkSchedule(params, manifest);
  const warnings = [
    ...warningsFor(given, sampling, manifest),
    ...overlapWarnings(params),
    ...gifWarnings(params),
    ...cacheWarnings(given, params),
  ];
  return { params, warnings };
}

/** Frames of a size that each are fine can be too many together. */
function checkVolume({ W, H, T }: ClipParams, { limits }: ModelManifest): void {
  if (W * H * T <= limits.pixels) return;
  const most = Math.floor(limits.pixels / (W * H));
  throw new InvalidParameterError('T', T, `at most ${most} frames at ${W}×${H}`);
}

/** Parameters that are fine one by one can still make no schedule; better said now than when the clip runs. */
function checkSchedule(params: ClipParams, { scaling }: ModelManifest): void {
  try {
    createSampling(recipeFrom(params), { frames: params.T, scaling });
  } catch (error) {
    if (!(error instanceof InvalidScheduleError)) throw error;
    throw new InvalidParameterError('discretization', params.discretization, `a schedule: ${error.message}`);
  }
}

/** The sampling components of resolved parameters. */
export function recipeFrom(params: ClipParams): Recipe {
  const component = (kind: (typeof COMPONENT_KINDS)[number]): ResolvedComponent => {
    const { name, parameters } = specOf(kind, params[kind]);
    return { name, params: Object.fromEntries(parameters.map((p) => [p.name, Number(params[p.name])])) };
  };
  return {
    steps: params.steps,
    sampler: component('sampler'),
    discretization: component('discretization'),
    guider: component('guider'),
  };
}

function check(
  fields: Readonly<Record<string, unknown>>,
  manifest: ModelManifest,
): Record<string, string | number | undefined> {
  const parsed = clipSchema(manifest).safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const known = clipFields(manifest);
  if (issue.code === 'unrecognized_keys') {
    const [field] = issue.keys;
    const allowed = `left out: the parameters of a clip are ${known.map(({ name }) => name).join(', ')}`;
    throw new InvalidParameterError(field, fields[field], allowed);
  }
  const name = String(issue.path[0]);
  const field = known.find((candidate) => candidate.name === name);
  throw new InvalidParameterError(name, fields[name], field ? allowedValues(field) : issue.message);
}

function overlapWarnings({ decoding_overlap, decoding_t, T }: ClipParams): string[] {
  if (decoding_overlap === 0 || decoding_t < T) return [];
  return [
    `decoding_overlap has no effect: decoding_t is ${decoding_t}, so all ${T} frames are decoded at once`,
  ];
}

function cacheWarnings(given: Readonly<Record<string, unknown>>, params: ClipParams): string[] {
  if (params.deepcache_interval === 1 && given.deepcache_branch !== undefined) {
    return [
      'deepcache_branch has no effect: deepcache_interval is 1, so the whole network is evaluated each time',
    ];
  }
  return [];
}

function gifWarnings({ outputs, fps }: ClipParams): string[] {
  if (outputs !== 'mp4+gif' || fps <= MAX_GIF_FPS) return [];
  return [`The GIF plays at ${MAX_GIF_FPS} frames a second, not ${fps}: players show none faster`];
}

function warningsFor(
  given: Readonly<Record<string, unknown>>,
  sampling: ResolvedRecipe,
  { name, abilities }: ModelManifest,
): string[] {
  const chosen = COMPONENT_KINDS.map((kind) => sampling[kind].name).join(', ');
  const warnings = sampling.ignored.map((field) => `${field} has no effect with ${chosen}`);
  if (!abilities.guidance && given.guider !== undefined && given.guider !== 'IdentityGuider') {
    warnings.push(`guider has no effect: the model ${name} has no unconditional branch to guide with`);
  }
  return warnings;
}
