/** The classes of error bodies that clients of the img2vid API know. */
export type ErrorClass =
  | 'Invalid request'
  | 'Unauthorized'
  | 'Forbidden'
  | 'Not found'
  | 'Method not allowed'
  | 'Request timeout'
  | 'Conflict'
  | 'Gone'
  | 'Payload too large'
  | 'Unsupported media type'
  | 'Unprocessable content'
  | 'Too many requests'
  | 'Service unavailable'
  | 'Gateway timeout'
  | 'Internal server error';

const CLASS_OF_STATUS: Readonly<Record<number, ErrorClass>> = {
  400: 'Invalid request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Payload too large',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  429: 'Too many requests',
  503: 'Service unavailable',
  504: 'Gateway timeout',
};

/** What an error may say about its place in the request. */
export interface ErrorDetail {
  /** The request field at fault, by its wire name. */
  readonly field?: string;
  /** What would have been accepted: a range, a list of choices, a type. */
  readonly allowed?: unknown;
  /** What else the body says, such as where to go on. */
  readonly info?: Readonly<Record<string, unknown>>;
  /** When the same request may succeed; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/**
 * An error that a client may see. `code` is stable and machine-readable (it is what a task row keeps), `status` is the
 * HTTP status when it ends a request, and `message` is fit for the caller: no internals, no secrets.
 */
export class ServiceError extends Error {
  readonly field: string | undefined;
  readonly allowed: unknown;
  readonly info: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    detail: ErrorDetail = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'ServiceError';
    this.field = detail.field;
    this.allowed = detail.allowed;
    this.info = detail.info ?? {};
    this.retryAfterSeconds = detail.retryAfterSeconds;
  }

  get errorClass(): ErrorClass {
    return CLASS_OF_STATUS[this.status] ?? (this.status < 500 ? 'Invalid request' : 'Internal server error');
  }

  /** The JSON body: `{error, message, field?, allowed?}`, and what `info` adds. */
  toBody(): Record<string, unknown> {
    return {
      error: this.errorClass,
      message: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.allowed === undefined ? {} : { allowed: this.allowed }),
      ...this.info,
    };
  }
}

/** 400 for a request that can never succeed as it stands. */
export const invalidRequest = (message: string, detail?: ErrorDetail): ServiceError =>
  new ServiceError(400, 'invalid_request', message, detail);

/** 404 for an id or an address that leads nowhere. */
export const notFound = (message: string): ServiceError => new ServiceError(404, 'not_found', message);
