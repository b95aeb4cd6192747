import type { SqliteDatabase, SqliteStatement } from 'kysely';
import LibsqlDatabase from 'libsql';

/**
 * A lock of the table by another program is waited for no longer: meanwhile this process answers nobody. Whoever writes
 * tries again.
 */
const BUSY_TIMEOUT_MS = 100;

/**
 * Opens a SQLite file for Kysely. A commit is on the disk when it returns (WAL with synchronous=FULL).
 *
 * A statement that fails, by libsql's way, stays under way until it is collected, and no transaction can be committed
 * beside it. So writing is only tried once the lock is had: every transaction begins `immediate`, a write outside of one
 * gets its own, and these words are executed and not prepared.
 */
export function openSqlite(file: string): LibsqlDatabase.Database {
  const sqlite = new LibsqlDatabase(file);
  try {
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** The database as Kysely's dialect wants it. */
export function forKysely(sqlite: LibsqlDatabase.Database): SqliteDatabase {
  const words: Readonly<Record<string, () => void>> = {
    begin: () => sqlite.exec('begin immediate'),
    commit: () => sqlite.exec('commit'),
    // A full disk has ended the transaction already; its own error is the one to be told.
    rollback: () => {
      if (sqlite.inTransaction) sqlite.exec('rollback');
    },
  };
  const prepare = (text: string): SqliteStatement => {
    const word = words[text];
    if (word) return { ...NOTHING, run: () => (word(), { changes: 0, lastInsertRowid: 0 }) };
    const statement = sqlite.prepare(text);
    return {
      reader: statement.reader,
      all: (parameters) => statement.all(parameters),
      iterate: (parameters) => statement.iterate(parameters),
      run: (parameters) => {
        if (sqlite.inTransaction) return statement.run(parameters);
        words.begin();
        try {
          const result = statement.run(parameters);
          words.commit();
          return result;
        } catch (error) {
          words.rollback();
          throw error;
        }
      },
    };
  };
  return { prepare, close: () => sqlite.close() };
}

const NOTHING: SqliteStatement = {
  reader: false,
  all: () => [],
  iterate: () => [].values(),
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
};
