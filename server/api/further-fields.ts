import type { z } from 'zod';
import { allowedValues, clipFields } from '../../pipeline/clip-fields.js';
import { clipSchema, type FieldValue } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { RequestField } from './fields.js';

/** The fields of a clip that decide how much work it is: every API of another system takes them besides its own. */
const NAMES = [
  'preset',
  'discretization',
  'guidance_sigma_min',
  'guidance_sigma_max',
  'deepcache_interval',
  'deepcache_branch',
] as const;

type FurtherName = (typeof NAMES)[number];
type Further = Readonly<Partial<Record<FurtherName, FieldValue>>>;

/** Every field of a clip under its own name, with the ranges that the model allows. */
export function ownFields(manifest: ModelManifest): readonly RequestField<FieldValue>[] {
  const { shape } = clipSchema(manifest);
  return clipFields(manifest).map((field) => {
    const { name } = field;
    return { name, schema: shape[name], allowed: allowedValues(field) };
  });
}

/** The schemas of the further fields, beside those of an API's own. */
export function furtherFields(manifest: ModelManifest): Record<FurtherName, z.ZodType<FieldValue>> {
  const { shape } = clipSchema(manifest);
  const schemas = NAMES.map((name) => [name, shape[name]]);
  return Object.fromEntries(schemas) as Record<FurtherName, z.ZodType<FieldValue>>;
}

/** What a request has in them. */
export const furtherOf = (request: Further): Further =>
  Object.fromEntries(
    NAMES.filter((name) => request[name] !== undefined).map((name) => [name, request[name]]),
  );
