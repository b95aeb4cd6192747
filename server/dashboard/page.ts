import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Context } from 'koa';
import { matchesTag } from '../etag.js';

/** A file of the page, as it goes over the wire. */
interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
}

/** The built page: its document, and the script and the style that the document names. */
export interface Page {
  readonly document: Asset;
  readonly assets: ReadonlyMap<string, Asset>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Nothing but our own script and style runs or is loaded; pictures and videos may also be made by the script. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** Reads the page that the build wrote to `folder`. @throws when it is not there */
export function readPage(folder: string): Page {
  const files = readdirSync(folder).filter((name) => extname(name) in TYPES);
  const assets = new Map(files.map((name) => [name, readAsset(join(folder, name))]));
  const document = assets.get('index.html');
  if (!document) throw new Error(`The dashboard is not built: there is no index.html in ${folder}`);
  assets.delete('index.html');
  return { document, assets };
}

function readAsset(path: string): Asset {
  const body = readFileSync(path);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { type: TYPES[extname(path)], etag, body, gzipped: gzipSync(body) };
}

/** Answers with the page itself. */
export function sendDocument(ctx: Context, { document }: Page): void {
  ctx.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  });
  send(ctx, document);
}

/** Answers with the script or the style: the name of each changes with its content. False where there is none of that name. */
export function sendAsset(ctx: Context, { assets }: Page, name: string): boolean {
  const asset = assets.get(name);
  if (!asset) return false;
  ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
  send(ctx, asset);
  return true;
}

function send(ctx: Context, { type, etag, body, gzipped }: Asset): void {
  ctx.set({ ETag: etag, 'Content-Type': type });
  ctx.vary('Accept-Encoding');
  if (matchesTag(ctx.get('If-None-Match'), etag)) {
    ctx.status = 304;
    return;
  }
  const compressed = ctx.acceptsEncodings('gzip', 'identity') === 'gzip';
  if (compressed) ctx.set('Content-Encoding', 'gzip');
  ctx.body = compressed ? gzipped : body;
}
