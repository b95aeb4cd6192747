import type { Kysely } from 'kysely';
import type { Tables } from './database.js';

const ENDED = ['completed', 'error'] as const;

/** Ended tasks whose time has come: their own (`expires_at`), or the service's (`endedBefore`). Milliseconds since the epoch. */
export async function findExpired(
  db: Kysely<Tables>,
  { now, endedBefore, limit }: { now: number; endedBefore: number | undefined; limit: number },
): Promise<string[]> {
  const own = db
    .selectFrom('tasks')
    .select('id')
    .where('expires_at', '<=', now)
    .where('status', 'in', ENDED)
    .limit(limit);
  const ids = await own.execute();
  if (endedBefore !== undefined && ids.length < limit) {
    // What ended before was created before: that bounds the search by an index.
    const old = await db
      .selectFrom('tasks')
      .select('id')
      .where('status', 'in', ENDED)
      .where('created_at', '<=', endedBefore)
      .where('ended_at', '<=', endedBefore)
      .where('expires_at', 'is', null)
      .limit(limit - ids.length)
      .execute();
    ids.push(...old);
  }
  return ids.map(({ id }) => id);
}

/** When the next task that ends by itself does, in milliseconds since the epoch. */
export async function nextExpiry(db: Kysely<Tables>): Promise<number | undefined> {
  const row = await db
    .selectFrom('tasks')
    .select((e) => e.fn.min('expires_at').as('at'))
    .where('expires_at', 'is not', null)
    .where('status', 'in', ENDED)
    .executeTakeFirst();
  return row?.at === null || row?.at === undefined ? undefined : Number(row.at);
}

/** The oldest completed tasks. */
export async function findOldest(db: Kysely<Tables>, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('tasks')
    .select('id')
    .where('status', '=', 'completed')
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Those of the ids that no task has. */
export async function withoutTask(db: Kysely<Tables>, ids: readonly string[]): Promise<string[]> {
  const rows = await db.selectFrom('tasks').select('id').where('id', 'in', ids).execute();
  const known = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !known.has(id));
}
