import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import LibsqlDatabase from 'libsql';
import { reasonOf } from '../pipeline/device-errors.js';
import { systemErrorCode } from '../pipeline/system-error.js';

/** A data folder that no other server uses. */
export interface DataFolder {
  /** Lets others have it. The end of the process does too, whichever it is. */
  release(): void;
}

/**
 * Makes the data folder this process's own: two servers over one table would run the same tasks. The lock is one of the
 * system's on an open file, as SQLite takes it, so that nothing stale is left of a killed process.
 * @throws Error naming the folder: it cannot be written to, or another server has it
 */
export function claimDataFolder(dataDir: string): DataFolder {
  let lock: LibsqlDatabase.Database | undefined;
  try {
    mkdirSync(dataDir, { recursive: true });
    lock = new LibsqlDatabase(join(dataDir, 'server.lock'));
    lock.pragma('journal_mode = MEMORY'); // no second file
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    throw new Error(
      systemErrorCode(error) === 'SQLITE_BUSY'
        ? `DATA_DIR=${dataDir} is in use by another server: stop that one, or give this one a folder of its own`
        : `DATA_DIR=${dataDir} cannot be written to: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  const held = lock;
  return {
    release: () => {
      held.exec('ROLLBACK');
      held.close();
    },
  };
}
