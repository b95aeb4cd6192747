import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Context } from 'koa';
import { matchesTag } from '../etag.js';
import { parseByteRange } from './byte-range.js';
import type { MediaStorage } from './storage.js';

const TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.tar': 'application/x-tar',
};

/** How a file is handed out. */
export interface SendOptions {
  /** The name a browser saves it under, without its ending: the id of the task. */
  readonly saveAs: string;
  /** Saved rather than shown, unless the request says `?download=0` or `?download=1`. Default true. */
  readonly attachment?: boolean;
}

/** Strong: a finished file is never written again, so size and time of change to the nanosecond name its content. */
const entityTag = (stat: BigIntStats): string => `"${stat.size.toString(16)}-${stat.mtimeNs.toString(16)}"`;

/** If-None-Match outranks If-Modified-Since. */
const isUnchanged = (ctx: Context, etag: string, modified: Date): boolean => {
  const tags = ctx.get('If-None-Match');
  if (tags !== '') return matchesTag(tags, etag);
  const since = Date.parse(ctx.get('If-Modified-Since'));
  return !Number.isNaN(since) && Math.floor(modified.getTime() / 1000) * 1000 <= since;
};

/** If-Range takes one strong tag or the exact date; anything else means that the client's part is of another file. */
const rangeStillApplies = (ctx: Context, etag: string, modified: Date): boolean => {
  const condition = ctx.get('If-Range').trim();
  return condition === '' || condition === etag || condition === modified.toUTCString();
};

const setHeaders = (ctx: Context, path: string, options: SendOptions): void => {
  const extension = extname(path);
  const { download } = ctx.query;
  const attachment = download === undefined ? (options.attachment ?? true) : download !== '0';
  ctx.set({
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-cache',
    'Content-Disposition': `${attachment ? 'attachment' : 'inline'}; filename=${options.saveAs}${extension}`,
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Content-Type': TYPES[extension],
    'X-Content-Type-Options': 'nosniff',
  });
};

/** Answers from an open file. True when a stream was made, which then owns the handle. */
const respond = (ctx: Context, handle: FileHandle, stat: BigIntStats): boolean => {
  const etag = entityTag(stat);
  const modified = stat.mtime;
  const size = Number(stat.size);
  ctx.set({ ETag: etag, 'Last-Modified': modified.toUTCString() });
  if (isUnchanged(ctx, etag, modified)) {
    ctx.status = 304;
    return false;
  }
  // Range is defined for GET alone: a HEAD is answered as if it were not there.
  const wanted =
    ctx.method === 'GET' && rangeStillApplies(ctx, etag, modified) ? ctx.get('Range') : undefined;
  const range = parseByteRange(wanted, size);
  if (range === 'unsatisfiable') {
    ctx.status = 416;
    ctx.set('Content-Range', `bytes */${size}`);
    ctx.remove('Content-Disposition');
    ctx.type = 'text/plain';
    ctx.body = 'Range Not Satisfiable';
    return false;
  }
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range;
  ctx.status = range === 'whole' ? 200 : 206;
  ctx.length = end - start + 1;
  if (range !== 'whole') ctx.set('Content-Range', `bytes ${start}-${end}/${size}`);
  if (ctx.method === 'HEAD' || size === 0) {
    if (size === 0) ctx.body = Buffer.alloc(0);
    return false;
  }
  // Koa destroys the body when the response ends or the client leaves, and that closes the handle.
  ctx.body = handle.createReadStream({ start, end });
  return true;
};

/**
 * Answers GET and HEAD with a media file of the storage: byte ranges, validators, fixed types and headers that keep a
 * browser from running what it shows. `path` comes from the storage, never from the client. Gives false, with the response
 * untouched, where there is no such file: what a 404 says is for the route to choose.
 */
export const sendFile = async (
  ctx: Context,
  storage: MediaStorage,
  path: string,
  options: SendOptions,
): Promise<boolean> => {
  if (!(extname(path) in TYPES)) throw new TypeError(`No media type is known for ${extname(path)}`);
  const handle = await storage.open(path);
  if (!handle) return false;
  let streaming = false;
  try {
    setHeaders(ctx, path, options);
    streaming = respond(ctx, handle, await handle.stat({ bigint: true }));
  } finally {
    if (!streaming) await handle.close();
  }
  return true;
};
