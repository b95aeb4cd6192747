import type { Context } from 'koa';
import { matchesTag } from '../etag.js';
import type { TaskTable } from '../tasks/table.js';

/**
 * Tags an answer with the table's revision, and makes it a 304 when the client has that one. Take the revision before
 * the query: what is read afterwards may be newer than its tag, never older.
 */
export function isUnchanged(ctx: Context, { epoch }: TaskTable, revision: number): boolean {
  // A restarted server counts revisions from zero again: its answers must not look like the last one's.
  const etag = `"${epoch}-${revision}"`;
  ctx.set({ ETag: `W/${etag}`, 'Cache-Control': 'private, no-cache' });
  if (!matchesTag(ctx.get('If-None-Match'), etag)) return false;
  ctx.status = 304;
  return true;
}
