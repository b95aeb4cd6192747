import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely, Migrator, SqliteDialect, type Generated } from 'kysely';
import LibsqlDatabase from 'libsql';
import { migrations } from './migrations.js';

/** One row of the task table. JSON columns are text, times are milliseconds since the epoch. */
export interface TaskRow {
  readonly id: string;
  readonly created_at: number;
  readonly status: string;
  readonly stage: string | null;
  readonly step: number | null;
  readonly steps: number | null;
  readonly progress: Generated<number>;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly crashes: Generated<number>;
  readonly placeholder: Generated<number>;
  readonly model: string;
  readonly source: string;
  readonly params: string;
  readonly warnings: string;
  readonly error: string | null;
  readonly result: string | null;
  /** JSON of a `TaskWebhook`. */
  readonly webhook: string | null;
  readonly kind: Generated<string>;
  readonly api: Generated<string>;
  readonly external_id: string | null;
  readonly request: string | null;
  readonly owner: Generated<string>;
  readonly expires_at: number | null;
}

/** An `Idempotency-Key` and the task that the first request with it made. */
export interface IdempotencyKeyRow {
  readonly owner: string;
  readonly key: string;
  /** A hash of what that request asked for. */
  readonly fingerprint: string;
  readonly task_id: string;
  readonly created_at: number;
}

/** A message to a webhook: `settled_at` is null until it is delivered or given up. */
export interface WebhookMessageRow {
  /** Milliseconds since the epoch, made unique: the order in which the messages of a task are delivered. */
  readonly seq: number;
  /** The `webhook-id`: the same in every attempt. */
  readonly id: string;
  readonly task_id: string;
  readonly url: string;
  readonly type: string;
  /** What is sent; empty once settled. */
  readonly body: string;
  /** 1 for a message about a task's end. */
  readonly final: number;
  readonly attempts: Generated<number>;
  readonly due_at: number;
  readonly settled_at: number | null;
  /** `delivered`, or why it was given up. */
  readonly outcome: string | null;
}

export interface Tables {
  readonly tasks: TaskRow;
  readonly idempotency_keys: IdempotencyKeyRow;
  readonly webhook_messages: WebhookMessageRow;
}

/**
 * Opens the task database at `file`, creating and migrating it as needed. A commit is on the disk when it returns
 * (WAL with synchronous=FULL): an acknowledged task survives a killed process and a power cut.
 */
export async function openDatabase(file: string): Promise<Kysely<Tables>> {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const sqlite = new LibsqlDatabase(file);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.pragma('busy_timeout = 5000');
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
  }).migrateToLatest();
  if (error) {
    await db.destroy();
    throw new Error(`The task table ${file} cannot be brought up to date`, { cause: error });
  }
  return db;
}
