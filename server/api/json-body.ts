import type { Context } from 'koa';
import type { ServiceError } from '../errors.js';
import { bodyFault, jsonFault, unprocessable } from './fastapi-errors.js';
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
    throw notJson((error as Error).cause) ?? error;
  }
  if (!isObject(body)) throw unprocessable([bodyFault('object', body)]);
  return body;
}

/** What the body parser complains of when the text is no JSON, or is that of a single value. */
function notJson(cause: unknown): ServiceError | undefined {
  const { body: text, message = '' } = (cause ?? {}) as {
    readonly body?: unknown;
    readonly message?: string;
  };
  if (typeof text !== 'string') return undefined;
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
