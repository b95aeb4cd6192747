import { createHash } from 'node:crypto';

/** Reproducible draws. The order of calls is part of a picture: the same key gives the same picture. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  between(low: number, high: number): number;
  /** An integer from 0 to n − 1. */
  below(n: number): number;
  pick<T>(choices: readonly T[]): T;
  chance(probability: number): boolean;
}

/** A generator keyed by any text: xoshiro128** (Blackman and Vigna, 2018), its state from SHA-256. */
export const createRandom = (key: string): Random => {
  const digest = createHash('sha256').update(key).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readInt32LE(at));
  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    next,
    below,
    between: (low, high) => low + (high - low) * next(),
    pick: (choices) => choices[below(choices.length)],
    chance: (probability) => next() < probability,
  };
};

/** A smooth curve through random heights: value noise, summed over octaves; its values lie within [−1, 1]. */
export const createNoise = (random: Random, octaves: number): ((x: number) => number) => {
  const knots = Array.from({ length: octaves }, () =>
    Array.from({ length: 256 }, () => random.between(-1, 1)),
  );
  const total = 2 - 2 ** (1 - octaves);
  return (x) => {
    let sum = 0;
    for (let octave = 0; octave < octaves; octave++) {
      const at = x * 2 ** octave + 1000;
      const left = Math.floor(at);
      const t = at - left;
      const values = knots[octave];
      const from = values[left & 255];
      sum += (from + (values[(left + 1) & 255] - from) * t * t * (3 - 2 * t)) / 2 ** octave;
    }
    return sum / total;
  };
};
