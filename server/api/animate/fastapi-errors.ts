import { z } from 'zod';
import { ServiceError } from '../../errors.js';
import type { ErrorForm } from '../http-errors.js';

/** One fault of a request as FastAPI and pydantic 2 tell it. */
export const faultSchema = z.object({
  type: z.string().describe('Stable name of the rule that was broken'),
  loc: z.array(z.union([z.string(), z.int()])).describe('Where: `body`, then the field'),
  msg: z.string(),
  input: z.unknown().describe('What was given'),
  ctx: z.record(z.string(), z.unknown()).optional().describe('The limit that was passed'),
});
export type Fault = z.infer<typeof faultSchema>;

const MESSAGES = {
  missing: 'Field required',
  json_invalid: 'JSON decode error',
  model_attributes_type: 'Input should be a valid dictionary or object to extract fields from',
  string_type: 'Input should be a valid string',
  int_type: 'Input should be a valid integer',
  int_parsing: 'Input should be a valid integer, unable to parse string as an integer',
  int_from_float: 'Input should be a valid integer, got a number with a fractional part',
  float_type: 'Input should be a valid number',
  float_parsing: 'Input should be a valid number, unable to parse string as a number',
} as const;
type FaultType = keyof typeof MESSAGES;

/** What a field is; schemas give it as the message of a wrong type, which says all that pydantic's name of it needs. */
export type FieldKind = 'string' | 'int' | 'float';

/** Longer values are not sent back. */
const MAX_ECHO = 1000;

/** 422 for a body that is not what it should be. */
export const unprocessable = (detail: readonly Fault[]): ServiceError =>
  new ServiceError(422, 'invalid_request', 'The request is not valid', { info: { detail } });

export const bodyFault = (
  type: 'missing' | 'json_invalid' | 'model_attributes_type',
  input: unknown,
  more: Partial<Fault> = {},
): Fault => ({ type, loc: ['body'], msg: MESSAGES[type], input: echo(input), ...more });

/** The fault behind an issue of a field's schema, of which `given` is the value as it came. */
export function fieldFault(issue: z.core.$ZodIssue, given: unknown): Fault {
  const fault = (type: string, msg: string): Fault => ({
    type,
    loc: ['body', ...issue.path.map(String)],
    msg,
    input: echo(given),
  });
  if (issue.code === 'too_small') {
    const ge = Number(issue.minimum);
    return { ...fault('greater_than_equal', `Input should be greater than or equal to ${ge}`), ctx: { ge } };
  }
  if (issue.code === 'too_big') {
    const le = Number(issue.maximum);
    return { ...fault('less_than_equal', `Input should be less than or equal to ${le}`), ctx: { le } };
  }
  const type = wrongType(issue.message as FieldKind, given);
  return fault(type, MESSAGES[type]);
}

function wrongType(kind: FieldKind, given: unknown): FaultType {
  if (kind === 'string') return 'string_type';
  if (typeof given === 'string') return `${kind}_parsing`;
  return kind === 'int' && typeof given === 'number' ? 'int_from_float' : `${kind}_type`;
}

/** What is nested too deeply cannot be written at all. */
function echo(given: unknown): unknown {
  if (given === undefined) return null;
  try {
    if (JSON.stringify(given).length <= MAX_ECHO) return given;
  } catch {
    // too deep
  }
  return '(too long to be repeated)';
}

/** Starlette's words for what is not the API's own. */
const STARLETTE: Readonly<Record<number, string>> = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
};

/** `{"detail": …}`: a text, or the list of faults of a 422; and what else the error says. */
export const fastapiForm: ErrorForm = (error) => {
  const own = error.code === DEFAULT_PICTURE_MISSING ? undefined : STARLETTE[error.status];
  const detail = PICTURE_FAULTS.includes(error.code) ? invalidInput(error.message) : (own ?? error.message);
  return { body: { detail, ...error.info } };
};

export const DEFAULT_PICTURE_MISSING = 'default_picture_missing';

/** Codes of what can be wrong with a picture, at its check and when the clip is made. */
const PICTURE_FAULTS: readonly string[] = ['invalid_image', 'image_too_large', 'invalid_picture'];

/** Our own classes of faults make way for the API's. */
const invalidInput = (message: string): string =>
  `Invalid input image: ${message.replace(/^(Invalid image file|Image too large): /, '')}`;
