import type { TaskTable } from './table.js';

interface Entry {
  readonly id: string;
  readonly owner: string;
  readonly revision: number;
}

/** Changed tasks remembered, at the least. Who has missed more of them begins anew. */
const KEPT = 10_000;

/** Which tasks have changed lately, and at which revision of the table each did so last. */
export class ChangeLog {
  readonly #kept: number;
  readonly #latest = new Map<string, number>();
  /** In the order of revisions; an entry that is not the latest of its task counts no more. */
  #entries: Entry[] = [];
  #floor: number;

  constructor(table: TaskTable, kept = KEPT) {
    this.#kept = kept;
    this.#floor = table.revision;
    table.on('change', (id, _change, owner) => this.#note({ id, owner, revision: table.revision }));
  }

  /** The log knows everything that changed after this revision, and nothing of what changed before. */
  get floor(): number {
    return this.#floor;
  }

  /** The revision of a task's last change; the floor for one that has not changed since. */
  changedAt(id: string): number {
    return this.#latest.get(id) ?? this.#floor;
  }

  /** The tasks that changed after `revision`, in the order of their last changes; all, or those of one owner. */
  since(revision: number, owner?: string): Entry[] {
    const found: Entry[] = [];
    for (let i = this.#entries.length - 1; i >= 0 && this.#entries[i].revision > revision; i--) {
      const entry = this.#entries[i];
      if (this.#isLatest(entry) && (owner === undefined || entry.owner === owner)) found.push(entry);
    }
    return found.reverse();
  }

  #note(entry: Entry): void {
    this.#latest.set(entry.id, entry.revision);
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#kept) this.#compact();
  }

  /** Rare, so that its cost for each change is small: it follows on `kept` changes at the least. */
  #compact(): void {
    const latest = this.#entries.filter((entry) => this.#isLatest(entry));
    const forgotten = latest.slice(0, Math.max(0, latest.length - this.#kept));
    for (const { id, revision } of forgotten) {
      this.#latest.delete(id);
      this.#floor = revision;
    }
    this.#entries = latest.slice(forgotten.length);
  }

  #isLatest({ id, revision }: Entry): boolean {
    return this.#latest.get(id) === revision;
  }
}
