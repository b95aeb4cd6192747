import { MersenneTwister } from '../../samplers/random/mersenne-twister.js';

/** Random choices that a seed repeats. */
export class Random {
  readonly #bits = new MersenneTwister();

  constructor(seed: number) {
    this.#bits.seed(seed);
  }

  /** Evenly from `from` to `to`. */
  between(from: number, to: number): number {
    return from + ((to - from) * this.#bits.next()) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.between(0, 1) < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.between(0, choices.length))];
  }
}
