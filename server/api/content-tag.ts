import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { matchesTag } from '../etag.js';

/** Names an answer by what it says: equal tags mean equal answers, whoever asked and whatever else has changed. */
export const contentTag = (body: string | Uint8Array): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;

/** Tags an answer, and makes it a 304 when the client has it already. */
export function isUnchanged(ctx: Context, tag: string): boolean {
  ctx.set({ ETag: `W/${tag}`, 'Cache-Control': 'private, no-cache' });
  if (!matchesTag(ctx.get('If-None-Match'), tag)) return false;
  ctx.status = 304;
  return true;
}

/** Answers with JSON, or with a 304. */
export function answerTagged(ctx: Context, body: unknown): void {
  const text = JSON.stringify(body);
  if (isUnchanged(ctx, contentTag(text))) return;
  ctx.type = 'json';
  ctx.body = text;
}
