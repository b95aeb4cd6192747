import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'koa';
import { contentTag, matchesTag } from './etag.js';

/** A file of a page, as it goes over the wire. It stays the same for as long as the process runs. */
export interface StaticAsset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

const compress = promisify(gzip);

export async function createAsset(type: string, content: Buffer | string): Promise<StaticAsset> {
  const body = Buffer.from(content);
  return { type, body, gzipped: await compress(body), etag: contentTag(body) };
}

/** Answers with an asset, compressed where the client takes that, or with a 304. */
export function sendAsset(ctx: Context, asset: StaticAsset, cacheControl = 'public, no-cache'): void {
  ctx.set({ ETag: asset.etag, 'Cache-Control': cacheControl });
  ctx.vary('Accept-Encoding');
  if (matchesTag(ctx.get('If-None-Match'), asset.etag)) {
    ctx.status = 304;
    return;
  }
  const packed = ctx.acceptsEncodings('gzip', 'identity') === 'gzip';
  if (packed) ctx.set('Content-Encoding', 'gzip');
  ctx.set('Content-Type', asset.type);
  ctx.body = packed ? asset.gzipped : asset.body;
}
