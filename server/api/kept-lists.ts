import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { contentTag } from '../etag.js';

/** A list as it goes over the wire. */
export interface ListAnswer {
  readonly body: Buffer;
  readonly tag: string;
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
  return { body, tag: contentTag(body), total, next, gzipped };
}

interface KeptList {
  readonly revision: number;
  readonly answer: Promise<ListAnswer>;
  bytes: number;
}

/** Distinct lists kept: every owner's dashboards ask for few. */
const MOST = 200;
/** Bytes of all of them: a list can be megabytes. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Finished lists of one revision of the table: however many clients poll, a list is put together once for each change.
 */
export class KeptLists {
  readonly #lists = new Map<string, KeptList>();

  /** The list under `key`, made anew by `build` when the table has moved on. */
  get(key: string, revision: number, build: () => Promise<ListAnswer>): Promise<ListAnswer> {
    const found = this.#lists.get(key);
    if (found?.revision === revision) return found.answer;
    const fresh: KeptList = { revision, answer: build(), bytes: 0 };
    this.#lists.delete(key); // to the end of the order in which lists are let go
    this.#lists.set(key, fresh);
    fresh.answer.then(
      ({ body }) => {
        fresh.bytes = body.length;
        this.#letGo();
      },
      () => this.#lists.delete(key),
    );
    return fresh.answer;
  }

  #letGo(): void {
    let bytes = [...this.#lists.values()].reduce((sum, list) => sum + list.bytes, 0);
    for (const [key, list] of this.#lists) {
      // The newest stays, whatever its size.
      if (this.#lists.size === 1 || (this.#lists.size <= MOST && bytes <= MOST_BYTES)) return;
      this.#lists.delete(key);
      bytes -= list.bytes;
    }
  }
}
