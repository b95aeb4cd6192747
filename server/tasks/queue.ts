import PQueue from 'p-queue';

/** Runs a task in one lane; the signal is aborted when the task is to stop. Never rejects. */
export type LaneHandler = (id: string, signal: AbortSignal) => Promise<void>;

/** `picture`: obtaining the picture, many at once. `device`: the clip itself, as many at once as there are devices. */
export type Lane = 'picture' | 'device';

export interface QueueOptions {
  readonly concurrency: Readonly<Record<Lane, number>>;
  readonly handlers: Readonly<Record<Lane, LaneHandler>>;
}

/** Decides which task may run next. It holds ids only; the task table is the truth about each. */
export interface TaskQueue {
  /** Puts a task in a lane. `order`: the smaller goes first; once in a lane, adding it again does nothing. */
  add(lane: Lane, id: string, order: number): void;
  /** Aborts a task's handler if it runs and forgets the task if it waits. */
  abort(id: string): void;
  /** Starts nothing more. Resolves when the running handlers have ended, or after `graceMs` with them aborted. */
  close(graceMs: number): Promise<void>;
}

/** The queue of a single process. What waits here is lost with the process and put back from the table at start. */
export class LocalQueue implements TaskQueue {
  readonly #lanes: Record<Lane, PQueue>;
  readonly #handlers: QueueOptions['handlers'];
  readonly #members = new Map<string, AbortController>();

  constructor({ concurrency, handlers }: QueueOptions) {
    this.#handlers = handlers;
    this.#lanes = {
      picture: new PQueue({ concurrency: concurrency.picture }),
      device: new PQueue({ concurrency: concurrency.device }),
    };
  }

  add(lane: Lane, id: string, order: number): void {
    const key = `${lane} ${id}`;
    if (this.#members.has(key)) return;
    const abort = new AbortController();
    this.#members.set(key, abort);
    const run = async (): Promise<void> => {
      try {
        if (!abort.signal.aborted) await this.#handlers[lane](id, abort.signal);
      } finally {
        this.#members.delete(key);
      }
    };
    // p-queue runs the highest priority first.
    void this.#lanes[lane].add(run, { priority: -order });
  }

  abort(id: string): void {
    for (const lane of Object.keys(this.#lanes)) this.#members.get(`${lane} ${id}`)?.abort();
  }

  async close(graceMs: number): Promise<void> {
    const lanes = Object.values(this.#lanes);
    for (const lane of lanes) {
      lane.pause();
      lane.clear();
    }
    const ended = Promise.all(lanes.map((lane) => lane.onPendingZero()));
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
    await Promise.race([ended, grace]);
    clearTimeout(timer);
    for (const abort of this.#members.values()) abort.abort();
    await ended;
  }
}
