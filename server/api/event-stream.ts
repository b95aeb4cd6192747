import { Readable } from 'node:stream';

export interface EventTimes {
  /** Between comments that keep proxies from taking the connection for dead. */
  readonly heartbeatMs: number;
  /** After this the response ends and the client comes back: proxies cut off responses that last longer. */
  readonly maxMs: number;
  /** From one piece of news to the next. */
  readonly intervalMs: number;
  /** How long a client is asked to wait before it comes back. */
  readonly retryMs: number;
}

/** What is new. */
export interface News {
  /** Events in wire form; empty for none. */
  readonly text: string;
  /** Nothing will ever follow. */
  readonly last?: boolean;
  /** There is more of it already. */
  readonly more?: boolean;
}

/** Where a stream gets its events from. What was missed is told by the newest state, not by a list that grows. */
export interface NewsSource {
  /** Calls `wake` when there may be news. Gives the function that ends it. */
  follow(wake: () => void): () => void;
  /** What is new since it was asked last. Never asked twice at a time. */
  next(): Promise<News>;
}

/** One event in the wire form of server-sent events. */
export const formatEvent = (event: string, id: string, data: unknown): string =>
  `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

/** Bytes that may wait for a client before its news is put off. */
const BUFFERED = 16 * 1024;

/**
 * The body of an answer with server-sent events. It asks its source only when the client has taken what was sent, so a
 * slow client gets fewer and newer events instead of more memory; when the client goes, everything is let go.
 */
export class EventStream extends Readable {
  readonly #source: NewsSource;
  readonly #intervalMs: number;
  readonly #unfollow: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #end: NodeJS.Timeout;
  #pause: NodeJS.Timeout | undefined;
  #wanted = false;
  #stale = true;
  #asking = false;
  #over = false;

  constructor(source: NewsSource, { heartbeatMs, maxMs, intervalMs, retryMs }: EventTimes) {
    super({ highWaterMark: BUFFERED });
    this.#source = source;
    this.#intervalMs = intervalMs;
    this.push(`retry: ${retryMs}\n\n`);
    this.#heartbeat = setInterval(() => this.#write(this.#wanted ? ':\n\n' : ''), heartbeatMs);
    this.#end = setTimeout(() => this.#finish(), maxMs);
    this.#unfollow = source.follow(() => {
      this.#stale = true;
      this.#advance();
    });
  }

  override _read(): void {
    this.#wanted = true;
    this.#advance();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release();
    callback(error);
  }

  #advance(): void {
    if (!this.#stale || !this.#wanted || this.#asking || this.#pause || this.#over) return;
    this.#stale = false;
    this.#asking = true;
    this.#source.next().then(
      (news) => {
        this.#asking = false;
        this.#tell(news);
      },
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #tell({ text, last = false, more = false }: News): void {
    if (this.#over) return; // the time was up meanwhile: the client comes back for it
    this.#write(text);
    if (last) return this.#finish();
    if (more) this.#stale = true;
    if (text !== '' && !more) {
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        this.#advance();
      }, this.#intervalMs);
    }
    this.#advance();
  }

  #write(text: string): void {
    if (text !== '') this.#wanted = this.push(text);
  }

  #finish(): void {
    this.#release();
    this.push(null);
  }

  #release(): void {
    this.#over = true;
    this.#unfollow();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#end);
    clearTimeout(this.#pause);
  }
}
