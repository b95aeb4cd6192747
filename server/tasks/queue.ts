import PQueue from 'p-queue';

/** When a task is to run again in the lane that it had: in its order among those who wait, after a pause. */
export interface Again {
  readonly order: number;
  readonly afterMs?: number;
}

/**
 * Runs a task in one lane; the signal is aborted when the task is to stop. Gives when it is to run again, if it is. Never
 * rejects.
 */
export type LaneHandler = (id: string, signal: AbortSignal) => Promise<Again | undefined>;

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

interface Member {
  readonly abort: AbortController;
  /** Set while it pauses. */
  readonly timer?: NodeJS.Timeout;
}

const LANES: readonly Lane[] = ['picture', 'device'];
const keyOf = (lane: Lane, id: string): string => `${lane} ${id}`;

/** The queue of a single process. What waits here is lost with the process and put back from the table at start. */
export class LocalQueue implements TaskQueue {
  readonly #lanes: Record<Lane, PQueue>;
  readonly #handlers: QueueOptions['handlers'];
  readonly #members = new Map<string, Member>();
  #closed = false;

  constructor({ concurrency, handlers }: QueueOptions) {
    this.#handlers = handlers;
    this.#lanes = {
      picture: new PQueue({ concurrency: concurrency.picture }),
      device: new PQueue({ concurrency: concurrency.device }),
    };
  }

  add(lane: Lane, id: string, order: number): void {
    const key = keyOf(lane, id);
    if (this.#closed || this.#members.has(key)) return;
    const abort = new AbortController();
    this.#members.set(key, { abort });
    const run = async (): Promise<void> => {
      const { signal } = abort;
      const again = signal.aborted ? undefined : await this.#handlers[lane](id, signal);
      this.#members.delete(key);
      if (again && !signal.aborted) this.#later(lane, id, again);
    };
    // p-queue runs the highest priority first.
    void this.#lanes[lane].add(run, { priority: -order });
  }

  abort(id: string): void {
    for (const lane of LANES) {
      const member = this.#members.get(keyOf(lane, id));
      member?.abort.abort();
      if (member?.timer) this.#wake(lane, id, member.timer);
    }
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#members.values()) clearTimeout(timer);
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
    for (const { abort } of this.#members.values()) abort.abort();
    await ended;
  }

  /** A task that pauses has no place among those who wait, and none is kept for it. */
  #later(lane: Lane, id: string, { order, afterMs = 0 }: Again): void {
    if (this.#closed || afterMs === 0) return this.add(lane, id, order);
    const timer = setTimeout(() => {
      this.#wake(lane, id, timer);
      this.add(lane, id, order);
    }, afterMs);
    this.#members.set(keyOf(lane, id), { abort: new AbortController(), timer });
  }

  #wake(lane: Lane, id: string, timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#members.delete(keyOf(lane, id));
  }
}
