import type { Context } from 'koa';
import { contentTag, matchesTag } from '../etag.js';

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
