import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { unprocessable, type PlainFault } from '../fastapi-errors.js';
import { fieldError, type RequestField } from '../fields.js';
import type { JsonBody } from '../json-body.js';
import { inputFields, type CogInput } from './input.js';

/** The events that a webhook may ask for; all of them when it does not say. */
export const COG_EVENTS = ['start', 'output', 'logs', 'completed'] as const;

export const predictionId = z.string().min(1).max(255).describe('Id of a prediction');

/** What goes beside `input`. */
const besides = {
  id: predictionId.nullish().describe('An id of the client’s choosing; ours when left out'),
  created_at: z.iso
    .datetime({ offset: true, local: true })
    .max(64)
    .nullish()
    .describe('Repeated in the answer; the time at which the request came when left out'),
  webhook: z.string().nullish().describe('Address that is sent the prediction'),
  webhook_events_filter: z.array(z.enum(COG_EVENTS)).min(1).nullish().describe('All of them when left out'),
  version: z.string().max(255).nullish().describe('Has no effect: the service runs one model'),
  output_file_prefix: z.string().nullish().describe('Has no effect'),
};

/** `null` is a field that is left out, and a missing `input` an empty one. */
const withoutNulls = (value: unknown): unknown => {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
};

/** A body as its schema leaves it. */
type PredictionBody = z.infer<z.ZodObject<typeof besides>> & { readonly input: CogInput };

/** A body that was checked. */
export interface PredictionRequest extends PredictionBody {
  /** Fields of `input` that there are none of: they have no effect. */
  readonly unknown: readonly string[];
}

/** Reads a body. @throws ServiceError 422 with every fault */
export type ReadRequest = (body: JsonBody) => PredictionRequest;

/** The schema of a body with these fields in `input`. */
export function predictionBody(fields: readonly RequestField<unknown>[]) {
  const shape = Object.fromEntries(fields.map(({ name, schema }) => [name, schema]));
  return z.object({ input: z.preprocess(withoutNulls, z.object(shape)), ...besides });
}

export function createRequestReader(manifest: ModelManifest): ReadRequest {
  const fields = inputFields(manifest);
  const schema = predictionBody(fields);
  const names = fields.map(({ name }) => name);
  return (body) => {
    const parsed = schema.safeParse(body);
    const input = inputOf(body);
    if (!parsed.success) {
      const issues = firstOfEach(parsed.error.issues);
      throw unprocessable(issues.map((issue) => faultOf(issue, fields, input)));
    }
    return { ...parsed.data, unknown: Object.keys(input).filter((name) => !names.includes(name)) };
  };
}

const inputOf = ({ input }: JsonBody): JsonBody =>
  typeof input === 'object' && input !== null ? (input as JsonBody) : {};

/** One fault says all that a field allows, however many of its rules a value breaks. */
const firstOfEach = (issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] =>
  [...new Map([...issues].reverse().map((issue) => [issue.path.join('.'), issue])).values()].reverse();

/** A field of `input` says in full what it allows. */
function faultOf(
  { path, message, code }: z.core.$ZodIssue,
  fields: readonly RequestField<unknown>[],
  input: JsonBody,
): PlainFault {
  const [place, name] = path.map(String);
  const field = place === 'input' ? fields.find((candidate) => candidate.name === name) : undefined;
  return {
    loc: ['body', ...path.map((step) => (typeof step === 'number' ? step : String(step)))],
    msg: field ? fieldError(field, input[name]).message : message,
    type: code === 'invalid_type' ? 'type_error' : 'value_error',
  };
}
