import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { InvalidParameterError } from '../../samplers/index.js';
import { invalidRequest, notFound, ServiceError } from '../errors.js';

/**
 * Turns whatever is thrown below it into the JSON body `{error, message, field?, allowed?}` with its status. The body of
 * an API that asks for it (`showErrorCodes`) has the error's `code` as well.
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
      if (known.status >= 500) log.error({ err: error, path: ctx.path }, 'request failed');
      answer(ctx, known);
    }
  };

function answer(ctx: Context, error: ServiceError): void {
  ctx.status = error.status;
  ctx.body = { ...error.toBody(), ...(ctx.state.errorCodes === true ? { code: error.code } : {}) };
}

/** The API below it shows the codes of its errors; the img2vid API's bodies know none. */
export const showErrorCodes: Middleware = (ctx, next) => {
  ctx.state.errorCodes = true;
  return next();
};

function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof InvalidParameterError) {
    return invalidRequest(error.message, { field: error.field, allowed: error.allowed, cause: error });
  }
  // What Koa and its middlewares throw about a request carries a status and may be shown.
  const { status, expose, message } = error as { status?: unknown; expose?: unknown; message?: unknown };
  if (typeof status === 'number' && status < 500 && expose === true) {
    return new ServiceError(status, 'invalid_request', String(message), { cause: error });
  }
  return new ServiceError(500, 'internal_error', 'The request failed because of an internal error', {
    cause: error,
  });
}
