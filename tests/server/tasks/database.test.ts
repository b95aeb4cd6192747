import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { openDatabase } from '../../../server/tasks/database.js';
import { newTask, openTable } from './support.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'database-'));
  file = join(folder, 'tasks.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A table with some tasks in it, all in one file. */
async function fill(): Promise<void> {
  const db = await openDatabase(file);
  for (let i = 0; i < 50; i++) {
    await sql`INSERT INTO idempotency_keys VALUES ('', ${`key ${i}`}, ${'f'.repeat(64)}, 'id', 1)`.execute(
      db,
    );
  }
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
  await db.destroy();
  for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
}

describe('a task table', () => {
  test('is made where there is none, also after a start that was killed while it made one', async () => {
    writeFileSync(`${file}.new`, 'half');
    const table = await openTable(file);
    const { id } = await table.create(newTask());
    await table.close();
    const again = await openTable(file);
    expect(await again.get(id)).toMatchObject({ id, status: 'queued' });
    await again.close();
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  test('of a newer version is refused by name and left as it is', async () => {
    const db = await openDatabase(file);
    await sql`INSERT INTO kysely_migration VALUES ('9999-of-tomorrow', '2030-01-01')`.execute(db);
    await db.destroy();
    await expect(openDatabase(file)).rejects.toThrow(
      `The task table ${file} was written by a newer version of this service (9999-of-tomorrow)`,
    );
  });
});

describe('a damaged task table is named, with what to do, and left as it is:', () => {
  test.each<[string, () => Promise<void> | void]>([
    [
      'something else',
      () => writeFileSync(file, 'not a database at all, but long enough for its header'.repeat(99)),
    ],
    ['empty', () => writeFileSync(file, '')],
    [
      'cut off',
      async () => {
        await fill();
        truncateSync(file, 20_000);
      },
    ],
    [
      'overwritten in the middle',
      async () => {
        await fill();
        const handle = await open(file, 'r+');
        for (let page = 2; page < 12; page++)
          await handle.write(Buffer.alloc(600, 0xff), 0, 600, page * 4096);
        await handle.close();
      },
    ],
  ])('%s', async (_what, damage) => {
    await damage();
    const before = readFileSync(file);
    await expect(openDatabase(file)).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^The task table .*tasks\.db is damaged: .*Restore it from a copy, or move/s,
        ),
      }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('gone, beside its log', async () => {
    await fill();
    rmSync(file);
    writeFileSync(`${file}-wal`, 'frames');
    await expect(openDatabase(file)).rejects.toThrow(/is damaged: it is missing beside .*tasks\.db-wal/);
    expect(existsSync(file)).toBe(false);
  });
});
