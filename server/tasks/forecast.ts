import type { Task } from './task.js';
import type { Outlook } from './view.js';

interface Entry {
  /** What the clip costs, in the unit of `clipCost`. */
  readonly cost: number;
  readonly owner: string;
  /** When the task got its device; undefined while it waits. */
  deviceSince?: number;
}

/** What a clip that is not admitted yet has to expect; null while nothing has taught the pace. */
export interface Expectation {
  readonly workSeconds: number | null;
  readonly waitSeconds: number | null;
}

/** From this share of a clip on, its own pace says more than the pace of the clips before it. */
const OWN_PACE_FROM = 0.15;
/** Weight of the newest clip in the running average of the pace. */
const NEWEST_WEIGHT = 0.4;

/**
 * Tells waiting and running tasks how long they still take, from the pace (milliseconds per unit of cost) of the clips
 * that this process has made, and of what a device promises until then. Tasks are admitted in the order in which they will run.
 */
export class Forecast {
  readonly #entries = new Map<string, Entry>();
  /** Of the clips made. */
  #learned: number | undefined;
  #promised: number | undefined;

  constructor(
    private readonly devices: number,
    private readonly now: () => number = Date.now,
    /** Called after every change of who waits and who runs. */
    private readonly onChange: () => void = () => undefined,
  ) {}

  /** What a device promises: it stands until a clip has been made. */
  promise(pace: number): void {
    this.#promised = pace;
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
    this.onChange();
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
    if (completed && entry.deviceSince !== undefined && entry.cost > 0) {
      const pace = (this.now() - entry.deviceSince) / entry.cost;
      const known = this.#learned ?? pace;
      this.#learned = known + NEWEST_WEIGHT * (pace - known);
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
      .flatMap((entry) => this.#remaining(entry, 0) ?? []);
    return left.length === 0 ? undefined : Math.ceil(Math.min(...left) / 1000);
  }

  /** How many tasks wait for a device. */
  get waiting(): number {
    let n = 0;
    for (const entry of this.#entries.values()) if (entry.deviceSince === undefined) n++;
    return n;
  }

  /** The outlook of each task given, in one pass over the queue. */
  outlooks(tasks: readonly Pick<Task, 'id' | 'progress'>[]): Map<string, Outlook> {
    const progress = new Map(tasks.map((task) => [task.id, task.progress]));
    const outlooks = new Map<string, Outlook>();
    let position = 0;
    let ahead: number | undefined = 0;
    for (const [id, entry] of this.#entries) {
      const left = this.#remaining(entry, progress.get(id) ?? 0);
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
    const pace = this.#pace;
    if (pace === undefined) return { workSeconds: null, waitSeconds: null };
    let ahead = 0;
    for (const entry of this.#entries.values()) ahead += this.#remaining(entry, 0) ?? 0;
    return { workSeconds: seconds(pace * cost), waitSeconds: seconds(ahead / this.devices) };
  }

  get #pace(): number | undefined {
    return this.#learned ?? this.#promised;
  }

  #remaining(entry: Entry, progress: number): number | undefined {
    const pace = this.#pace;
    const expected = pace === undefined ? undefined : pace * entry.cost;
    if (entry.deviceSince === undefined) return expected;
    const elapsed = this.now() - entry.deviceSince;
    if (progress >= OWN_PACE_FROM) return (elapsed / progress) * (1 - progress);
    return expected === undefined ? undefined : Math.max(expected - elapsed, 0);
  }
}

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.ceil(ms / 1000));
