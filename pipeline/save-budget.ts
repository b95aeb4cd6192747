/** The share of a run's time that saving it may take. */
const SHARE = 0.01;
/**
 * Spaces what is saved during a run so that all saves together take at most 1 % of the time since its start: the next
 * one is due when there is room for one as long as the last.
 */
export class SaveBudget {
  readonly #now: () => number;
  readonly #start: number;
  #spent = 0;
  #expected: number;

  /** Times are milliseconds. @param firstCost what the first save is taken to cost */
  constructor(firstCost: number, now: () => number = () => performance.now()) {
    this.#expected = firstCost;
    this.#now = now;
    this.#start = now();
  }

  get due(): boolean {
    return this.#spent + this.#expected <= SHARE * (this.#now() - this.#start);
  }

  /** Runs a save and takes its time, however it ends, from the budget. */
  async spend(save: () => Promise<void>): Promise<void> {
    const begun = this.#now();
    try {
      await save();
    } finally {
      this.#expected = this.#now() - begun;
      this.#spent += this.#expected;
    }
  }
}
