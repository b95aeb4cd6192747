/** Weight of the newest clip where it is as large as those before. */
const NEWEST_WEIGHT = 0.4;
/** A promise says as much as a clip of so many parts of the cost that it was made for. */
const PROMISE_WEIGHT = 0.1;
/** How much of the size that clips are measured by is forgotten with each clip. */
const FORGETTING = 0.1;

/**
 * How long clips take by their cost: so many milliseconds for each unit, and an overhead that all have. Large clips
 * teach the pace and hardly the overhead, small ones the overhead and hardly the pace: what a clip of four frames takes
 * in starting an encoder says nothing of one of a thousand times its cost.
 */
export class Pace {
  #perCost: number | undefined;
  #overhead = 0;
  /** The cost of a clip that counts as a large one. */
  #large = 0;
  #isPromise = true;

  /** Milliseconds for each unit of cost that a clip of this cost may be expected to take; until one has been made. */
  promise(perCost: number, cost: number): void {
    if (!this.#isPromise) return;
    this.#perCost = perCost;
    this.#large = cost * PROMISE_WEIGHT;
  }

  /** A clip of this cost (above 0) took so many milliseconds. */
  learn(ms: number, cost: number): void {
    this.#isPromise = false;
    if (this.#perCost !== undefined) return this.#refine(ms, cost, this.#perCost);
    this.#perCost = ms / cost;
    this.#large = cost;
  }

  /** Milliseconds that a clip of this cost takes; undefined while nothing is known. */
  expect(cost: number): number | undefined {
    return this.#perCost === undefined ? undefined : this.#perCost * cost + (cost > 0 ? this.#overhead : 0);
  }

  #refine(ms: number, cost: number, perCost: number): void {
    const size = cost / this.#large;
    const weight = size < 1 ? NEWEST_WEIGHT * size : 1 - (1 - NEWEST_WEIGHT) / size;
    const overhead = Math.max(ms - perCost * cost, 0);
    const own = Math.max(ms - this.#overhead, 0) / cost;
    this.#perCost = perCost + weight * (own - perCost);
    if (size < 1) this.#overhead += NEWEST_WEIGHT * (1 - size) * (overhead - this.#overhead);
    this.#large = Math.max(cost, this.#large * (1 - FORGETTING));
  }
}
