import type { Kysely } from 'kysely';
import type { Tables } from './database.js';

/** A client's `Idempotency-Key`, and what it asks for. */
export interface KeyClaim {
  /** Whose key it is: two owners' equal keys are two. */
  readonly owner: string;
  readonly key: string;
  /** Equal requests have equal fingerprints. */
  readonly fingerprint: string;
}

/** What a key stands for already. */
export interface ClaimedKey {
  readonly fingerprint: string;
  readonly taskId: string;
}

/** How long a key stands for its task. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** The task that a key stands for; undefined when the key is free. */
export async function findKey(
  db: Kysely<Tables>,
  owner: string,
  key: string,
): Promise<ClaimedKey | undefined> {
  return db
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'task_id as taskId'])
    .where('owner', '=', owner)
    .where('key', '=', key)
    .where('created_at', '>', Date.now() - KEPT_MS)
    .executeTakeFirst();
}

/**
 * Makes a key stand for a task. False when another request has it. Call it in the transaction that creates the task:
 * the primary key decides between two requests, and a key without its task, or the reverse, never comes to be.
 */
export async function claimKey(
  transaction: Kysely<Tables>,
  { owner, key, fingerprint }: KeyClaim,
  taskId: string,
): Promise<boolean> {
  const now = Date.now();
  await transaction
    .deleteFrom('idempotency_keys')
    .where('created_at', '<=', now - KEPT_MS)
    .execute();
  const claimed = await transaction
    .insertInto('idempotency_keys')
    .values({ owner, key, fingerprint, task_id: taskId, created_at: now })
    .onConflict((conflict) => conflict.columns(['owner', 'key']).doNothing())
    .returning('key')
    .executeTakeFirst();
  return claimed !== undefined;
}
