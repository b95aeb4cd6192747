import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import { InvalidParameterError } from '../../samplers/index.js';
import { invalidRequest, notFound, ServiceError } from '../errors.js';
import { isUnder, pathOf } from '../request-path.js';
import { storageFault } from '../storage-fault.js';

/** When to come again where nothing better is known. */
const RETRY_AFTER_SECONDS = 10;

/** No faults of ours: a client is told what there is not, or that the time it waits is up. */
const EXPECTED: readonly number[] = [501, 504];

/** How an API words an error: the body, and the status where it is not the error's own. */
export type ErrorForm = (error: ServiceError) => { readonly body: unknown; readonly status?: number };

/** The img2vid API's form. */
const plainForm: ErrorForm = (error) => ({ body: error.toBody() });

/** The same with the error's `code`, which the img2vid API does not know. */
export const codedForm: ErrorForm = (error) => ({ body: { ...error.toBody(), code: error.code } });

/**
 * Turns whatever is thrown below it into a JSON body with its status: `{error, message, field?, allowed?}`, or the form of
 * the API that the request came to (`errorForm`).
 */
export const answerErrors =
  (log: Logger): Middleware =>
  async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined) throw notFound(`There is nothing at ${ctx.path}`);
      if (ctx.status === 501) {
        throw new ServiceError(405, 'method_not_allowed', `${ctx.method} is not a method of this service`);
      }
      if (ctx.status === 405) {
        throw new ServiceError(405, 'method_not_allowed', `${ctx.method} is not allowed at ${ctx.path}`, {
          allowed: ctx.response.get('Allow').split(', '),
        });
      }
    } catch (error) {
      const known = toServiceError(error);
      if (known.status >= 500 && !EXPECTED.includes(known.status))
        log.error({ request: ctx.state.requestId as string, err: error, path: ctx.path }, 'request failed');
      const form = (ctx.state.errorForm as ErrorForm | undefined) ?? plainForm;
      const { body, status = known.status } = form(known);
      ctx.status = status;
      ctx.body = body;
      const later = known.retryAfterSeconds ?? (status === 503 ? RETRY_AFTER_SECONDS : undefined);
      if (later !== undefined && !ctx.response.get('Retry-After')) ctx.set('Retry-After', String(later));
    }
  };

/**
 * An API words its errors in a form of its own: all that comes below this, or, where paths are given, what lies at or
 * under them. Put before everything else, it words also what is refused before the API's routes are reached.
 */
export const errorForm =
  (form: ErrorForm, ...paths: readonly string[]): Middleware =>
  (ctx, next) => {
    const path = pathOf(ctx);
    if (paths.length === 0 || paths.some((top) => isUnder(path, top))) ctx.state.errorForm = form;
    return next();
  };

function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof InvalidParameterError) {
    return invalidRequest(error.message, { field: error.field, allowed: error.allowed, cause: error });
  }
  const fault = storageFault(error);
  if (fault) return fault;
  // What Koa and its middlewares throw about a request carries a status and may be shown.
  const { status, expose, message } = error as { status?: unknown; expose?: unknown; message?: unknown };
  if (typeof status === 'number' && status < 500 && expose === true) {
    return new ServiceError(status, 'invalid_request', String(message), { cause: error });
  }
  return new ServiceError(500, 'internal_error', 'The request failed because of an internal error', {
    cause: error,
  });
}
