import { z } from 'zod';
import { InvalidParameterError } from '../../samplers/index.js';
import { invalidRequest } from '../errors.js';
import { CHOICES } from '../images/providers/choice.js';

/** One field of a request: its schema checks it and is its documentation. */
export interface RequestField<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** What it may be, in words. */
  readonly allowed: string;
  /** A wrong value may hold credentials, and is not repeated. */
  readonly secret?: true;
}

/** A field's value. @throws InvalidParameterError or ServiceError that names the field */
export function readField<T>(field: RequestField<T>, value: unknown): T {
  const parsed = field.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw fieldError(field, value);
}

/** What is said of a wrong value. */
export function fieldError({ name, allowed, secret }: RequestField<unknown>, value: unknown): Error {
  return secret
    ? invalidRequest(`Expected \`${name}\` to be ${allowed}`, { field: name, allowed })
    : new InvalidParameterError(name, value, allowed);
}

/** Blank counts as not given, as forms send what is left empty. */
const trimmed = (value: unknown): unknown => {
  const text = typeof value === 'string' ? value.trim() : value;
  return text === '' || text === null ? undefined : text;
};
const orMissing = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  z.preprocess(trimmed, schema.optional());

/** Forms carry numbers as text. */
const wholeNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value;

/** Characters of a prompt. */
export const MAX_PROMPT = 8192;
const MAX_ADDRESS = 8192;

/** What cannot be an address is refused at once; whether it may be fetched is decided when it is. */
function isWebAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return !!url && ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '';
}

export const promptField: RequestField<string | undefined> = {
  name: 'prompt',
  schema: orMissing(z.string().max(MAX_PROMPT)).describe('What the picture is to show'),
  allowed: `a text of at most ${MAX_PROMPT} characters`,
};

export const imageUrlField: RequestField<string | undefined> = {
  name: 'image_url',
  schema: orMissing(z.string().max(MAX_ADDRESS).refine(isWebAddress)).describe(
    'Address of the picture to animate',
  ),
  allowed: 'an http:// or https:// address without credentials',
  secret: true,
};

export const imageIndexField: RequestField<number | undefined> = {
  name: 'image_index',
  schema: z
    .preprocess((value) => wholeNumber(trimmed(value)), z.number().int().min(1).max(CHOICES).optional())
    .describe('Which picture of a prompt is used, where the provider makes four; by the seed when left out'),
  allowed: `an integer from 1 to ${CHOICES}`,
};
