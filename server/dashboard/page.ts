import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Context } from 'koa';
import { createAsset, sendAsset, type StaticAsset } from '../static-asset.js';

/** The built page: its document, and the script and the style that the document names. */
export interface Page {
  readonly document: StaticAsset;
  readonly assets: ReadonlyMap<string, StaticAsset>;
}

const TYPES: Readonly<Record<string, string | undefined>> = {
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
export async function readPage(folder: string): Promise<Page> {
  const assets = new Map<string, StaticAsset>();
  for (const name of await readdir(folder)) {
    const type = TYPES[extname(name)];
    if (type) assets.set(name, await createAsset(type, await readFile(join(folder, name))));
  }
  const document = assets.get('index.html');
  if (!document) throw new Error(`The dashboard is not built: there is no index.html in ${folder}`);
  assets.delete('index.html');
  return { document, assets };
}

/** Answers with the page itself. */
export function sendDocument(ctx: Context, { document }: Page): void {
  ctx.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
  sendAsset(ctx, document);
}

/** Answers with the script or the style: the name of each changes with its content. False where there is none of that name. */
export function sendFileOf(ctx: Context, { assets }: Page, name: string): boolean {
  const asset = assets.get(name);
  if (asset) sendAsset(ctx, asset, 'public, max-age=31536000, immutable');
  return asset !== undefined;
}
