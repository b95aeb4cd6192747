import type { Context } from 'koa';
import { z } from 'zod';
import { numberFromText } from '../../../pipeline/clip-request.js';
import type { ServiceError } from '../../errors.js';
import type { FormReader } from '../form.js';
import { bodyFault, fieldFault, unprocessable, type FieldKind } from './fastapi-errors.js';

/** pydantic's lax mode: numbers may come as text, and true and false count as 1 and 0. */
const lax = (value: unknown): unknown => (typeof value === 'boolean' ? Number(value) : numberFromText(value));

const kind = (error: FieldKind): { readonly error: FieldKind } => ({ error });
const integer = (min: number, max: number) => z.preprocess(lax, z.int(kind('int')).min(min).max(max));

/** What POST /gpu/animate takes. Unknown fields are ignored. */
export const animateRequest = z.object({
  image_base64: z
    .string(kind('string'))
    .default('')
    .describe('The picture: base64, or a data URL; the default picture when empty'),
  motion_bucket_id: integer(1, 255).default(127).describe('Amount of motion'),
  noise_aug_strength: z
    .preprocess(lax, z.number(kind('float')).min(0).max(1))
    .default(0.02)
    .describe('Noise added to the picture that conditions the model'),
  num_frames: integer(8, 24).default(12).describe('Frames; fewer where the model makes fewer'),
  num_steps: integer(5, 40).default(18).describe('Sampler steps'),
  fps: integer(1, 30).default(7).describe('Frames a second; more than 25 become 25'),
  seed: z
    .preprocess(lax, z.int(kind('int')).min(0).nullable())
    .default(null)
    .describe('Start of the random numbers; random when null'),
});
export type AnimateRequest = z.infer<typeof animateRequest>;

/** Reads and checks the body. @throws ServiceError 422 that lists every fault, 413 */
export async function readAnimateRequest(ctx: Context, readForm: FormReader): Promise<AnimateRequest> {
  const body = await readJson(ctx, readForm);
  if (!isObject(body)) throw unprocessable([bodyFault('model_attributes_type', body)]);
  const parsed = animateRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  throw unprocessable(parsed.error.issues.map((issue) => fieldFault(issue, body[String(issue.path[0])])));
}

async function readJson(ctx: Context, readForm: FormReader): Promise<unknown> {
  const type = ctx.request.is('json');
  if (type === null || ctx.request.length === 0) throw unprocessable([bodyFault('missing', null)]);
  if (type === false) throw unprocessable([bodyFault('model_attributes_type', null)]);
  try {
    return (await readForm(ctx)).fields;
  } catch (error) {
    throw jsonFault((error as Error).cause) ?? error;
  }
}

/** What the body parser complains of when the text is no JSON, or is that of a single value. */
function jsonFault(cause: unknown): ServiceError | undefined {
  const { body, message = '' } = (cause ?? {}) as { readonly body?: unknown; readonly message?: string };
  if (typeof body !== 'string') return undefined;
  const value = parse(body);
  if (value !== undefined && !isObject(value)) {
    return unprocessable([bodyFault('model_attributes_type', value)]);
  }
  const at = Number(/ at position (\d+)/.exec(message)?.[1] ?? 0);
  return unprocessable([bodyFault('json_invalid', {}, { loc: ['body', at], ctx: { error: message } })]);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
