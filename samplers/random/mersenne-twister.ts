/** MT19937, Matsumoto and Nishimura (1998): the 32-bit generator behind torch's CPU random numbers. */
export const WORDS = 624;
const SHIFT = 397;

export class MersenneTwister {
  readonly #words = new Uint32Array(WORDS);
  #used = WORDS;

  /** Starts again from one 32-bit word (the single-word initialisation, not the one by array). */
  seed(word: number): void {
    const words = this.#words;
    words[0] = word;
    for (let i = 1; i < WORDS; i++) {
      const previous = words[i - 1] ^ (words[i - 1] >>> 30);
      words[i] = Math.imul(previous, 1812433253) + i;
    }
    this.#used = WORDS;
  }

  /** The next 32 random bits, unsigned. */
  next(): number {
    if (this.#used === WORDS) this.#twist();
    let y = this.#words[this.#used++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  save(): { words: Uint32Array; used: number } {
    return { words: this.#words.slice(), used: this.#used };
  }

  restore(state: { readonly words: Uint32Array; readonly used: number }): void {
    this.#words.set(state.words);
    this.#used = state.used;
  }

  #twist(): void {
    const words = this.#words;
    for (let i = 0; i < WORDS; i++) {
      const mixed = (words[i] & 0x80000000) | (words[(i + 1) % WORDS] & 0x7fffffff);
      words[i] = words[(i + SHIFT) % WORDS] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.#used = 0;
  }
}
