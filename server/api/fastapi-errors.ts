import { z } from 'zod';
import type { InvalidParameterError } from '../../samplers/index.js';
import { ServiceError } from '../errors.js';
import type { ErrorForm } from './http-errors.js';

/** One fault of a request as FastAPI and pydantic 2 tell it. */
export const faultSchema = z.object({
  type: z.string().describe('Stable name of the rule that was broken'),
  loc: z.array(z.union([z.string(), z.int()])).describe('Where: `body`, then the field'),
  msg: z.string(),
  input: z.unknown().describe('What was given'),
  ctx: z.record(z.string(), z.unknown()).optional().describe('The limit that was passed'),
});
export type Fault = z.infer<typeof faultSchema>;

/** What is wrong in pydantic's words. */
type Complaint = Pick<Fault, 'type' | 'msg'> & { readonly ctx?: Fault['ctx'] };

const complaint = (type: string, msg: string, ctx?: Fault['ctx']): Complaint => ({
  type,
  msg,
  ...(ctx ? { ctx } : {}),
});

const WRONG_TYPE: Readonly<Record<string, Complaint>> = {
  array: complaint('list_type', 'Input should be a valid list'),
  boolean: complaint('bool_type', 'Input should be a valid boolean'),
  int: complaint('int_type', 'Input should be a valid integer'),
  number: complaint('float_type', 'Input should be a valid number'),
  object: complaint(
    'model_attributes_type',
    'Input should be a valid dictionary or object to extract fields from',
  ),
  string: complaint('string_type', 'Input should be a valid string'),
};

/** Text that was to be read as something else. */
const UNREADABLE: Readonly<Record<string, Complaint>> = {
  boolean: complaint('bool_parsing', 'Input should be a valid boolean, unable to interpret input'),
  int: complaint('int_parsing', 'Input should be a valid integer, unable to parse string as an integer'),
  number: complaint('float_parsing', 'Input should be a valid number, unable to parse string as a number'),
};

const FRACTION = complaint(
  'int_from_float',
  'Input should be a valid integer, got a number with a fractional part',
);

/** What every version of FastAPI tells of a fault. */
export type PlainFault = Pick<Fault, 'type' | 'loc' | 'msg'>;

/** 422 for a body that is not what it should be. */
export const unprocessable = (detail: readonly PlainFault[]): ServiceError =>
  new ServiceError(422, 'invalid_request', detail.map(({ msg }) => msg).join('; '), { info: { detail } });

/** A rule that no schema knows. `path`: the place within the body. */
export const ruleFault = (path: readonly PropertyKey[], message: string, given: unknown): Fault => ({
  type: 'value_error',
  loc: placeOf(path),
  msg: `Value error, ${message}`,
  input: echo(given),
  ctx: { error: {} },
});

/** 422 for what a clip does not allow. @param names by the clip's name of a field, the API's where it is another */
export function parameterFault(
  { field, given, allowed }: InvalidParameterError,
  names: Readonly<Record<string, string>> = {},
): ServiceError {
  return unprocessable([ruleFault([names[field] ?? field], `it must be ${allowed}`, given)]);
}

/** A fault of the body as a whole. */
export const bodyFault = (type: 'missing' | 'object', input: unknown): Fault => {
  const { msg, type: name } = type === 'missing' ? MISSING : WRONG_TYPE.object;
  return { type: name, loc: ['body'], msg, input: echo(input) };
};

/** The body is no JSON from this place on. */
export const jsonFault = (at: number, message: string): Fault => ({
  type: 'json_invalid',
  loc: ['body', at],
  msg: 'JSON decode error',
  input: {},
  ctx: { error: message },
});

/** The faults that a schema found in a body. */
export const schemaFaults = ({ issues }: z.ZodError, body: unknown): readonly Fault[] =>
  issues.map((issue) => {
    const given = valueAt(body, issue.path);
    // Where a field is missing, what it is missing in is the input.
    const input = given === undefined ? valueAt(body, issue.path.slice(0, -1)) : given;
    const { type, msg, ctx } = complaintOf(issue, given);
    return { type, loc: placeOf(issue.path), msg, input: echo(input), ...(ctx ? { ctx } : {}) };
  });

const MISSING = complaint('missing', 'Field required');

function complaintOf(issue: z.core.$ZodIssue, given: unknown): Complaint {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue, given);
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue, given);
    case 'not_multiple_of': {
      const of = issue.divisor;
      return complaint('multiple_of', `Input should be a multiple of ${of}`, { multiple_of: of });
    }
    default:
      return complaint('value_error', `Value error, ${issue.message}`, { error: {} });
  }
}

/** Zod tells an integer from a number only once it has seen a number: the schema's own message is `int` where it is one. */
function wrongType({ expected, message }: z.core.$ZodIssueInvalidType, given: unknown): Complaint {
  if (given === undefined) return MISSING;
  const kind = message === 'int' ? 'int' : expected;
  if (kind === 'int' && typeof given === 'number') return FRACTION;
  return (typeof given === 'string' ? UNREADABLE[kind] : undefined) ?? WRONG_TYPE[kind] ?? WRONG_TYPE.object;
}

function tooSmall({ origin, minimum, inclusive = true }: z.core.$ZodIssueTooSmall): Complaint {
  const least = Number(minimum);
  if (origin === 'string') {
    const ctx = { min_length: least };
    return complaint('string_too_short', `String should have at least ${least} character${s(least)}`, ctx);
  }
  return inclusive
    ? complaint('greater_than_equal', `Input should be greater than or equal to ${least}`, { ge: least })
    : complaint('greater_than', `Input should be greater than ${least}`, { gt: least });
}

function tooBig({ origin, maximum }: z.core.$ZodIssueTooBig, given: unknown): Complaint {
  const most = Number(maximum);
  if (origin === 'string') {
    const ctx = { max_length: most };
    return complaint('string_too_long', `String should have at most ${most} character${s(most)}`, ctx);
  }
  if (origin === 'array') return tooLong(most, Array.isArray(given) ? given.length : most + 1);
  return complaint('less_than_equal', `Input should be less than or equal to ${most}`, { le: most });
}

const tooLong = (most: number, length: number): Complaint =>
  complaint('too_long', `List should have at most ${most} item${s(most)} after validation, not ${length}`, {
    field_type: 'List',
    max_length: most,
    actual_length: length,
  });

/** A list that is longer than the configuration allows. */
export const lengthFault = (field: string, most: number, given: readonly unknown[]): Fault => ({
  ...tooLong(most, given.length),
  loc: ['body', field],
  input: echo(given),
});

const s = (n: number): string => (n === 1 ? '' : 's');

const placeOf = (path: readonly PropertyKey[]): (string | number)[] => [
  'body',
  ...path.map((step) => (typeof step === 'number' ? step : String(step))),
];

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
}

/** Longer values are not sent back. */
const MAX_ECHO = 1000;

/** What was given, as it is sent back. What is nested too deeply cannot be written at all. */
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
const STARLETTE: Readonly<Record<number, string>> = { 404: 'Not Found', 405: 'Method Not Allowed' };

/** `{"detail": …}`: a text, or the list of faults of a 422; and what else the error says. */
export const fastapiForm: ErrorForm = ({ status, message, info }) => ({
  body: { detail: STARLETTE[status] ?? message, ...info },
});
