import multer from '@koa/multer';
import { bodyParser } from '@koa/bodyparser';
import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import type { Context, Middleware } from 'koa';
import { invalidRequest, ServiceError } from '../errors.js';

/** What a client sent, whichever of the three encodings it chose. */
export interface Form {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The uploaded picture, undecoded. */
  readonly picture?: Buffer;
  /** The name of the picture's file as the client gave it; empty where a form was sent with no file chosen. */
  readonly pictureName?: string;
}

export type FormReader = (ctx: Context) => Promise<Form>;

const MAX_TEXT_BODY = 1024 * 1024;
const MAX_FIELD_BYTES = 64 * 1024;
/** Levels of nesting in a JSON body: no request of ours has more, and deep ones overflow the stack of what walks them. */
const MAX_DEPTH = 32;
/** Room for the text fields and the boundaries around a picture of the greatest size. */
const MULTIPART_SLACK = 1024 * 1024;
/** The names under which a picture may be uploaded. */
const PICTURE_FIELDS = ['image', 'file'];

const next = (): Promise<void> => Promise.resolve();

/** Bytes of a JSON body with one picture of `bytes` bytes in base64. */
export const base64Room = (bytes: number): number => Math.ceil((bytes * 4) / 3) + MAX_TEXT_BODY;

/** Refuses a body that says it is larger than `limit`, before anything of it is read. */
function refuseLargeBody(ctx: Context, limit: number): void {
  const length = ctx.request.length;
  if (length === undefined || length <= limit) return;
  throw new ServiceError(413, 'body_too_large', `The body of ${length} bytes is larger than allowed`, {
    allowed: `at most ${limit} bytes`,
  });
}

/**
 * Reads a request body: multipart/form-data with at most one picture in `image` or `file`, form-urlencoded, or JSON.
 * `maxJsonBytes`: more than usual where pictures come as base64 within JSON (see `base64Room`).
 * @throws ServiceError 400 (malformed), 413 (too large) or 415 (another type), naming the field where there is one
 */
export function createFormReader(maxUploadBytes: number, maxJsonBytes = MAX_TEXT_BODY): FormReader {
  const options = {
    streamHandler: parseParts,
    storage: multer.memoryStorage(),
    limits: {
      fileSize: maxUploadBytes,
      files: 1,
      fields: 64,
      parts: 66,
      fieldSize: MAX_FIELD_BYTES,
      fieldNameSize: 200,
    },
  };
  const multipart: Middleware = multer(options).fields(PICTURE_FIELDS.map((name) => ({ name, maxCount: 1 })));
  const text: Middleware = bodyParser({
    enableTypes: ['json', 'form'],
    jsonLimit: maxJsonBytes,
    formLimit: MAX_TEXT_BODY,
    jsonStrict: true,
  });

  return async (ctx) => {
    const type = ctx.request.is('multipart/form-data', 'urlencoded', 'json');
    if (type === null || ctx.request.length === 0) return { fields: {} };
    if (type === false) {
      throw new ServiceError(
        415,
        'unsupported_media_type',
        `Cannot read a body of type ${ctx.request.type || '(none given)'}`,
        {
          allowed: ['multipart/form-data', 'application/x-www-form-urlencoded', 'application/json'],
        },
      );
    }
    if (type === 'multipart/form-data') {
      refuseLargeBody(ctx, maxUploadBytes + MULTIPART_SLACK);
      return readMultipart(ctx, multipart, maxUploadBytes);
    }
    const limit = type === 'json' ? maxJsonBytes : MAX_TEXT_BODY;
    refuseLargeBody(ctx, limit);
    try {
      await text(ctx, next);
    } catch (error) {
      throw textError(error, limit);
    }
    const fields = (ctx.request.body ?? {}) as Record<string, unknown>;
    if (isDeeper(fields, MAX_DEPTH)) throw tooDeep();
    return { fields };
  };
}

async function readMultipart(ctx: Context, parse: Middleware, maxUploadBytes: number): Promise<Form> {
  try {
    await parse(ctx, next);
  } catch (error) {
    throw multipartError(error, maxUploadBytes);
  }
  const files = (ctx.files ?? {}) as Record<string, { buffer: Buffer; originalname: string }[]>;
  const [picture] = PICTURE_FIELDS.flatMap((name) => files[name] ?? []);
  const fields = { ...(ctx.request.body as Record<string, unknown> | undefined) };
  if (picture) return { fields, picture: picture.buffer, pictureName: inUtf8(picture.originalname) };
  return noFileChosen.has(ctx.req) ? { fields, pictureName: '' } : { fields };
}

/** Names come as UTF-8 and are read as Latin-1, unless the client says which they are in (RFC 5987). */
function inUtf8(name: string): string {
  if ([...name].some((letter) => letter > '\u00ff')) return name;
  const decoded = Buffer.from(name, 'latin1').toString('utf8');
  return decoded.includes('\ufffd') ? name : decoded;
}

/** Requests with a field for a picture in which no file was chosen: multer passes over it without a word. */
const noFileChosen = new WeakSet<IncomingMessage>();

function parseParts(request: IncomingMessage, parser: Writable): void {
  parser.on('file', (field: string, _content: unknown, { filename }: { readonly filename?: string }) => {
    if (PICTURE_FIELDS.includes(field) && !filename) noFileChosen.add(request);
  });
  request.pipe(parser);
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

const tooDeep = (): ServiceError =>
  invalidRequest(`The body nests more than ${MAX_DEPTH} levels deep`, { allowed: `${MAX_DEPTH} levels` });

function multipartError(error: unknown, maxUploadBytes: number): ServiceError {
  if (error instanceof ServiceError) return error;
  const { code, field, message } = error as { code?: string; field?: string; message?: string };
  const where = field === undefined ? {} : { field };
  switch (code) {
    case 'LIMIT_FILE_SIZE':
      return new ServiceError(400, 'image_too_large', 'The uploaded picture is larger than allowed', {
        ...where,
        allowed: `at most ${maxUploadBytes} bytes`,
        cause: error,
      });
    case 'LIMIT_UNEXPECTED_FILE':
    case 'LIMIT_FILE_COUNT':
      return invalidRequest(`A file in ${field ?? 'this field'} is not expected: send one picture`, {
        ...where,
        allowed: PICTURE_FIELDS,
        cause: error,
      });
    case 'LIMIT_FIELD_VALUE':
      return new ServiceError(413, 'field_too_large', `The field ${field ?? ''} is longer than allowed`, {
        ...where,
        allowed: `at most ${MAX_FIELD_BYTES} bytes`,
        cause: error,
      });
    default:
      return invalidRequest(`The multipart body is not valid: ${message ?? 'unreadable'}`, {
        ...where,
        cause: error,
      });
  }
}

function textError(error: unknown, limit: number): ServiceError {
  if (error instanceof ServiceError) return error;
  const { status, message } = error as { status?: number; message?: string };
  if (status === 413) {
    return new ServiceError(413, 'body_too_large', 'The body is larger than allowed', {
      allowed: `at most ${limit} bytes`,
      cause: error,
    });
  }
  return invalidRequest(`The body cannot be read: ${message ?? 'malformed'}`, { cause: error });
}
