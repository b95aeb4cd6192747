import type { Context } from 'koa';
import { ServiceError } from '../errors.js';
import { bodyFault, jsonFault, ruleFault, unprocessable } from './fastapi-errors.js';
import type { FormReader } from './form.js';

export type JsonBody = Readonly<Record<string, unknown>>;

/** Reads a body that must be a JSON object, with FastAPI's errors. @throws ServiceError 422, or 413 for too large a body */
export async function readJsonBody(ctx: Context, readForm: FormReader): Promise<JsonBody> {
  const type = ctx.request.is('json');
  if (type === null || ctx.request.length === 0) throw unprocessable([bodyFault('missing', null)]);
  if (type === false) throw unprocessable([bodyFault('object', null)]);
  let body: unknown;
  try {
    body = (await readForm(ctx)).fields;
  } catch (error) {
    throw notJson(error, ctx) ?? error;
  }
  if (!isObject(body)) throw unprocessable([bodyFault('object', body)]);
  return body;
}

/** What is wrong with a body that could be read as far as its length goes. */
function notJson(error: unknown, ctx: Context): ServiceError | undefined {
  if (!(error instanceof ServiceError) || error.status !== 400) return undefined;
  // The body parser keeps the text: with its error where it is no JSON or a single value, else with the request.
  const { body, message = '' } = (error.cause ?? {}) as { readonly body?: unknown; message?: string };
  const text = body ?? ctx.request.rawBody;
  if (typeof text !== 'string') return unprocessable([ruleFault([], error.message, null)]);
  const value = parse(text);
  if (value !== undefined) return unprocessable([bodyFault('object', value)]);
  return unprocessable([jsonFault(Number(/ at position (\d+)/.exec(message)?.[1] ?? 0), message)]);
}

const isObject = (value: unknown): value is JsonBody =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
