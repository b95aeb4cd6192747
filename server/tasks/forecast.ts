import { Pace } from './pace.js';
import type { Outlook } from './view.js';

interface Entry {
  /** What the clip costs, in the unit of `clipCost`. */
  readonly cost: number;
  readonly owner: string;
  /** When the task got its device; undefined while it waits. */
  deviceSince?: number;
  /** Share of the task that is done, as far as its device has said. */
  progress?: number;
  /** Where it was when its own pace began to count: not at the beginning, if it had been interrupted and goes on. */
  mark?: { readonly at: number; readonly progress: number };
}

/** What a clip that is not admitted yet has to expect; null while nothing has taught the pace. */
export interface Expectation {
  readonly workSeconds: number | null;
  readonly waitSeconds: number | null;
}

/** From this share of a clip on, its own pace says more than the pace of the clips before it. */
const OWN_PACE_FROM = 0.15;

/**
 * Tells waiting and running tasks how long they still take, from the pace of the clips that this process has made, and of
 * what a device promises until then. Tasks are admitted in the order in which they will run.
 */
export class Forecast {
  readonly #entries = new Map<string, Entry>();
  readonly #pace = new Pace();

  constructor(
    private readonly devices: number,
    private readonly now: () => number = Date.now,
    /** Called after every change of who waits and who runs. */
    private readonly onChange: () => void = () => undefined,
  ) {}

  /** What a device promises, in milliseconds for each unit of a clip's cost: it stands until one has been made. */
  promise(perCost: number, cost: number): void {
    this.#pace.promise(perCost, cost);
    this.onChange();
  }

  admit(id: string, cost: number, owner = ''): void {
    if (this.#entries.has(id)) return;
    this.#entries.set(id, { cost, owner });
    this.onChange();
  }

  /** The task got its device. */
  begin(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.deviceSince = this.now();
    delete entry.progress;
    delete entry.mark;
    this.onChange();
  }

  /** How much of a running task is done. To be told from the first step on: what is prepared before has no pace. */
  report(id: string, progress: number): void {
    const entry = this.#entries.get(id);
    if (entry?.deviceSince === undefined) return;
    entry.progress = progress;
    entry.mark ??= { at: this.now(), progress };
  }

  /** The task lost its device and waits again: in its old place, or `behind` all that wait now. */
  suspend(id: string, { behind = false } = {}): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    delete entry.deviceSince;
    if (behind) {
      this.#entries.delete(id);
      this.#entries.set(id, entry);
    }
    this.onChange();
  }

  /** The task ended; a completed one teaches the pace. */
  end(id: string, completed: boolean): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    const { cost, deviceSince, mark } = entry;
    // What an earlier run had done says nothing of how long the whole takes.
    const isWhole = mark === undefined || mark.progress < OWN_PACE_FROM;
    if (completed && deviceSince !== undefined && cost > 0 && isWhole) {
      this.#pace.learn(this.now() - deviceSince, cost);
    }
    this.onChange();
  }

  /** Those who wait for a device, in their order; all, or those of one owner. */
  queue(owner?: string): readonly string[] {
    return [...this.#entries]
      .filter(
        ([, entry]) => entry.deviceSince === undefined && (owner === undefined || entry.owner === owner),
      )
      .map(([id]) => id);
  }

  /** When the first of the running clips is expected to end; undefined while nothing is known. */
  get secondsToNextEnd(): number | undefined {
    const left = [...this.#entries.values()]
      .filter(({ deviceSince }) => deviceSince !== undefined)
      .flatMap((entry) => this.#remaining(entry) ?? []);
    return left.length === 0 ? undefined : Math.ceil(Math.min(...left) / 1000);
  }

  /** How many tasks wait for a device. */
  get waiting(): number {
    let n = 0;
    for (const entry of this.#entries.values()) if (entry.deviceSince === undefined) n++;
    return n;
  }

  /** The outlook of each task that waits or runs, in one pass over the queue. */
  outlooks(): Map<string, Outlook> {
    const outlooks = new Map<string, Outlook>();
    let position = 0;
    let ahead: number | undefined = 0;
    for (const [id, entry] of this.#entries) {
      const left = this.#remaining(entry);
      if (entry.deviceSince === undefined) {
        position++;
        const eta: number | null =
          ahead === undefined || left === undefined ? null : ahead / this.devices + left;
        outlooks.set(id, { queuePosition: position, etaSeconds: seconds(eta) });
      } else {
        outlooks.set(id, { queuePosition: null, etaSeconds: seconds(left ?? null) });
      }
      ahead = ahead === undefined || left === undefined ? undefined : ahead + left;
    }
    return outlooks;
  }

  /** How long a clip of this cost would take, and wait before, if it came now. */
  expectation(cost: number): Expectation {
    const work = this.#pace.expect(cost);
    if (work === undefined) return { workSeconds: null, waitSeconds: null };
    let ahead = 0;
    for (const entry of this.#entries.values()) ahead += this.#remaining(entry) ?? 0;
    return { workSeconds: seconds(work), waitSeconds: seconds(ahead / this.devices) };
  }

  #remaining({ cost, deviceSince, progress = 0, mark }: Entry): number | undefined {
    const expected = this.#pace.expect(cost);
    if (deviceSince === undefined) return expected;
    const from = mark ?? { at: deviceSince, progress: 0 };
    const [elapsed, done] = [this.now() - from.at, progress - from.progress];
    if (done >= OWN_PACE_FROM) return (elapsed / done) * (1 - progress);
    return expected === undefined ? undefined : Math.max(expected * (1 - from.progress) - elapsed, 0);
  }
}

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.ceil(ms / 1000));
