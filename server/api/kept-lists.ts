import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A list as it goes over the wire. */
export interface ListAnswer {
  readonly body: Buffer;
  /** The body compressed; done once, when it is first asked for. */
  readonly gzipped: () => Promise<Buffer>;
  /** How many tasks there are in all. */
  readonly total: number;
  /** Where the next page is; undefined when this one is the last. */
  readonly next: string | undefined;
}

const compress = promisify(gzip);

export function listAnswer(body: Buffer, total: number, next: string | undefined): ListAnswer {
  let compressed: Promise<Buffer> | undefined;
  // The lowest level: a list is mostly repetition, and is compressed anew with every change.
  const gzipped = (): Promise<Buffer> => (compressed ??= compress(body, { level: 1 }));
  return { body, total, next, gzipped };
}

interface KeptList {
  readonly revision: number;
  readonly answer: Promise<ListAnswer>;
}

/** Distinct lists kept: dashboards ask for few, and each can be megabytes. */
const MOST = 8;

/**
 * Finished lists of one revision of the table: however many clients poll, a list is put together once for each change.
 */
export class KeptLists {
  readonly #lists = new Map<string, KeptList>();

  /** The list under `key`, made anew by `build` when the table has moved on. */
  get(key: string, revision: number, build: () => Promise<ListAnswer>): Promise<ListAnswer> {
    const found = this.#lists.get(key);
    if (found?.revision === revision) return found.answer;
    const fresh = { revision, answer: build() };
    this.#lists.delete(key); // to the end of the order in which lists are let go
    this.#lists.set(key, fresh);
    if (this.#lists.size > MOST) this.#lists.delete([...this.#lists.keys()][0]);
    fresh.answer.catch(() => this.#lists.delete(key));
    return fresh.answer;
  }
}
