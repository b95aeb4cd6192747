/** Frames decoded in one run: how many are kept, and how many neighbours on either side are decoded to be dropped. */
export interface DecodeSize {
  readonly chunk: number;
  readonly overlap: number;
}

/**
 * What a clip has given up for want of memory. One for each clip: a size that once did not fit is not tried again, and
 * the next clip starts afresh.
 */
export class MemoryFallbacks {
  #halfBatches: boolean;
  #halved = false;
  /** The first size that did not fit, for the warning. */
  #tooLarge: DecodeSize | undefined;
  #largest: DecodeSize = { chunk: Infinity, overlap: Infinity };

  /** @param halfBatches evaluate the two branches of guidance one after the other from the start */
  constructor(halfBatches = false) {
    this.#halfBatches = halfBatches;
  }

  /** Whether the branches of guidance are evaluated one after the other: half the memory, the same result up to rounding. */
  get halfBatches(): boolean {
    return this.#halfBatches;
  }

  /** Both branches at once did not fit. */
  halveBatches(): void {
    this.#halfBatches = true;
    this.#halved = true;
  }

  /** The size to decode at where `asked` is wished for. */
  decodeSize(asked: DecodeSize): DecodeSize {
    return {
      chunk: Math.min(asked.chunk, this.#largest.chunk),
      overlap: Math.min(asked.overlap, this.#largest.overlap),
    };
  }

  /** This size did not fit: halves the chunk and, once that is 1, the overlap. False when nothing is left to halve. */
  shrinkDecode(tried: DecodeSize): boolean {
    const { chunk, overlap } = tried;
    if (chunk > 1) this.#largest = { ...this.#largest, chunk: Math.floor(chunk / 2) };
    else if (overlap > 0) this.#largest = { chunk, overlap: Math.floor(overlap / 2) };
    else return false;
    this.#tooLarge ??= tried;
    return true;
  }

  /** For the client, one for each kind of fallback taken. */
  get warnings(): readonly string[] {
    const warnings: string[] = [];
    if (this.#halved) {
      warnings.push('Out of memory: the two branches of guidance were evaluated one after the other');
    }
    if (this.#tooLarge) {
      const used = this.decodeSize(this.#tooLarge);
      warnings.push(
        `Out of memory: frames were decoded ${inWords(used)}, not ${inWords(this.#tooLarge)}; seams may show in the clip`,
      );
    }
    return warnings;
  }
}

const inWords = ({ chunk, overlap }: DecodeSize): string =>
  `${chunk} at a time${overlap > 0 ? ` beside ${overlap} neighbours` : ''}`;
