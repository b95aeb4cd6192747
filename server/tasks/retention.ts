import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { MediaStorage } from '../media/storage.js';
import { MediaUsage } from '../media/usage.js';
import type { Tables } from './database.js';
import { findExpired, findOldest, nextExpiry, withoutTask } from './old-tasks.js';
import type { TaskRunner } from './runner.js';
import type { TaskTable } from './table.js';

export interface RetentionSettings {
  /** How long an ended task is kept; for ever when left out. A task's own `expiresAt` goes before. */
  readonly keepMs?: number | undefined;
  /** How long an uploaded picture is kept after its task has ended; 0 for not at all. */
  readonly keepUploadsMs: number;
  /** Bytes that the finished files of all tasks may take; as many as there is room for when left out. */
  readonly maxMediaBytes?: number | undefined;
}

export interface RetentionParts extends RetentionSettings {
  readonly db: Kysely<Tables>;
  readonly table: TaskTable;
  readonly storage: MediaStorage;
  readonly runner: Pick<TaskRunner, 'remove'>;
  readonly log: Logger;
  readonly now?: () => number;
}

const ROUND_MS = 60_000;
/** Removals of one kind in one round: the next round comes soon where more is to be done. */
const MOST = 100;
const SOON_MS = 1000;

/**
 * Deletes ended tasks with their files: at their own time, when they are old, and the oldest ones where all take too much
 * room. Never touches a task that has not ended. A download under way goes on: it holds its file open.
 */
export class Retention {
  readonly #o: RetentionParts;
  readonly #now: () => number;
  readonly #usage: MediaUsage;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(parts: RetentionParts) {
    this.#o = parts;
    this.#now = parts.now ?? Date.now;
    this.#usage = new MediaUsage(parts.storage);
    parts.table.on('change', (id, change) => {
      if (change === 'ended' || change === 'removed') void this.#look(id);
    });
  }

  /** Bytes that the finished files of all tasks take, as far as has been looked. */
  get mediaBytes(): number {
    return this.#usage.total;
  }

  /** Takes stock of the files and begins with the rounds. */
  start(): void {
    this.#running = this.takeStock().then(() => this.#loop());
  }

  /** Resolves when nothing is being removed any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Looks at the files of all tasks, and removes those that belong to none. */
  async takeStock(): Promise<void> {
    const { db, storage, log } = this.#o;
    try {
      for await (const ids of storage.taskFolders()) {
        if (this.#closed) return;
        // The row is there before the folder and goes after it: a folder without a row is nobody's.
        const orphans = new Set(await withoutTask(db, ids));
        for (const id of ids) {
          if (orphans.has(id)) await storage.remove(id);
          else await this.#look(id);
        }
        if (orphans.size > 0) log.warn({ folders: orphans.size }, 'removed files of no task');
      }
    } catch (error) {
      log.error({ err: error }, 'the files of tasks cannot be looked at');
    }
  }

  /** Removes what is to go now. Resolves to the milliseconds until there may be more. */
  async round(): Promise<number> {
    const { db, storage, keepMs, keepUploadsMs } = this.#o;
    const now = this.#now();
    await storage.removeUploads(now - keepUploadsMs);
    const endedBefore = keepMs === undefined ? undefined : now - keepMs;
    const expired = await findExpired(db, { now, endedBefore, limit: MOST });
    const removed = (await this.#remove(expired, 'its time is over')) + (await this.#makeRoom());
    if (removed >= MOST) return SOON_MS;
    const next = (await nextExpiry(db)) ?? Infinity;
    return Math.min(Math.max(next - this.#now(), SOON_MS), ROUND_MS);
  }

  async #makeRoom(): Promise<number> {
    const { db, maxMediaBytes = Infinity } = this.#o;
    let excess = this.#usage.total - maxMediaBytes;
    if (excess <= 0) return 0;
    const chosen: string[] = [];
    for (const id of await findOldest(db, MOST)) {
      if (excess <= 0) break;
      excess -= this.#usage.of(id);
      chosen.push(id);
    }
    return this.#remove(chosen, 'the files of all tasks take too much room');
  }

  /** Gives the number of tasks removed; one that cannot be removed is tried again in the next round. */
  async #remove(ids: readonly string[], reason: string): Promise<number> {
    const { runner, log } = this.#o;
    let removed = 0;
    for (const id of ids) {
      if (this.#closed) break;
      try {
        if (!(await runner.remove(id))) continue; // somebody else did
        removed++;
        log.info({ task: id, reason }, 'task deleted');
      } catch (error) {
        log.error({ task: id, err: error }, 'a task cannot be deleted');
      }
    }
    return removed;
  }

  async #loop(): Promise<void> {
    let wait = ROUND_MS;
    try {
      if (!this.#closed) wait = await this.round();
    } catch (error) {
      this.#o.log.error({ err: error }, 'old tasks cannot be looked for');
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#loop();
    }, wait).unref();
  }

  async #look(id: string): Promise<void> {
    try {
      await this.#usage.look(id);
    } catch (error) {
      this.#o.log.error({ task: id, err: error }, 'the files of a task cannot be looked at');
    }
  }
}
