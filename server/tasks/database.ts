import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DEFAULT_MIGRATION_TABLE, Kysely, Migrator, sql, SqliteDialect, type Generated } from 'kysely';
import type { Database } from 'libsql';
import { reasonOf } from '../../pipeline/device-errors.js';
import { systemErrorCode } from '../../pipeline/system-error.js';
import { migrations } from './migrations.js';
import { forKysely, openSqlite } from './sqlite.js';

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
  readonly attempts: Generated<number>;
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
 * Opens the task database at `file`, creating and migrating it as needed.
 * @throws Error naming the file and what to do: it is damaged, or a newer version has written it. It is left as it is
 */
export async function openDatabase(file: string): Promise<Kysely<Tables>> {
  if (file !== ':memory:') await provideFile(file);
  const sqlite = openChecked(file);
  const db = kysely(sqlite);
  try {
    await refuseNewer(db, file);
    await migrate(db, file);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

const kysely = (sqlite: Database): Kysely<Tables> =>
  new Kysely<Tables>({ dialect: new SqliteDialect({ database: forKysely(sqlite) }) });

/**
 * Makes a new file where there is none. It appears under its name with all tables in it, so that an empty file is never a
 * new one, but what is left of a damaged one.
 */
async function provideFile(file: string): Promise<void> {
  if (existsSync(file)) {
    if (statSync(file).size === 0) throw damaged(file, 'it is empty');
    return;
  }
  if (existsSync(`${file}-wal`)) throw damaged(file, `it is missing beside ${file}-wal`);
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.new`;
  for (const leftover of [fresh, `${fresh}-wal`, `${fresh}-shm`]) rmSync(leftover, { force: true });
  const sqlite = openSqlite(fresh);
  const db = kysely(sqlite);
  await migrate(db, fresh);
  sqlite.pragma('journal_mode = DELETE'); // one file holds it all
  await db.destroy();
  renameSync(fresh, file);
}

function openChecked(file: string): Database {
  try {
    const sqlite = openSqlite(file);
    const [{ quick_check: finding }] = sqlite.pragma('quick_check(1)') as [{ quick_check: string }];
    if (finding === 'ok') return sqlite;
    sqlite.close();
    throw damaged(file, finding);
  } catch (error) {
    if (!['SQLITE_NOTADB', 'SQLITE_CORRUPT'].includes(systemErrorCode(error) ?? '')) throw error;
    throw damaged(file, reasonOf(error), error);
  }
}

async function refuseNewer(db: Kysely<Tables>, file: string): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return;
  const { rows } = await sql<{
    name: string;
  }>`SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const unknown = rows.map(({ name }) => name).filter((name) => !(name in migrations));
  if (unknown.length === 0) return;
  throw new Error(
    `The task table ${file} was written by a newer version of this service (${unknown.join(', ')}). ` +
      'Start that version, or restore a copy from before.',
  );
}

async function migrate(db: Kysely<Tables>, file: string): Promise<void> {
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
  }).migrateToLatest();
  if (error) throw new Error(`The task table ${file} cannot be brought up to date`, { cause: error });
}

function damaged(file: string, reason: string, cause?: unknown): Error {
  return new Error(
    `The task table ${file} is damaged: ${reason}. It was left as it is. Restore it from a copy, or move it away ` +
      'together with the files that begin with its name, to begin with an empty one.',
    { cause },
  );
}
