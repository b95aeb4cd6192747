import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { InvalidStateError } from '../errors/invalid-state-error.js';
import { f32, log32, sqrt32 } from '../float32.js';
import { MersenneTwister, WORDS } from './mersenne-twister.js';
import type { RandomState, RestorableNormalSource } from './normal-source.js';

const BLOCK = 16;
const HALF = BLOCK / 2;
const TWO_PI_32 = f32(2 * Math.PI);
const LOW_24_BITS = 0xffffff;
const LOW_21_BITS = 0x1fffff;

/**
 * torch's CPU generator: after `new TorchRandom(n)` the normals equal those of `torch.manual_seed(n)` followed by
 * `torch.randn` in float32. Only the number of values asked for at once matters, not their shape: 16 or more come
 * in blocks, fewer one by one, and the two ways consume the bits differently. Bit-equal below 16 values, within
 * 2.4e-7 above (torch's vectorised logarithm and sine differ in the last place).
 */
export class TorchRandom implements RestorableNormalSource {
  readonly #bits = new MersenneTwister();
  /** The second normal of a pair made for a small draw. Large draws neither use nor clear it. */
  #kept: number | null = null;

  constructor(seed: number | bigint) {
    this.manualSeed(seed);
  }

  /** Starts again as torch's `manual_seed`: the low 32 bits of the seed count, in two's complement. */
  manualSeed(seed: number | bigint): void {
    if (typeof seed !== 'bigint' && !Number.isSafeInteger(seed)) {
      throw new InvalidParameterError('seed', seed, 'an integer (a bigint beyond 2^53)');
    }
    this.#bits.seed(Number(BigInt.asUintN(32, BigInt(seed))));
    this.#kept = null;
  }

  /** As `torch.randn(count)`. */
  randn(count: number): Float32Array {
    const out = new Float32Array(count);
    this.fillNormal(out);
    return out;
  }

  /** As `torch.randn` of out.length values. */
  fillNormal(out: Float32Array): void {
    if (out.length < BLOCK) {
      for (let i = 0; i < out.length; i++) out[i] = this.#nextNormal();
      return;
    }
    this.#fillUniform(out, 0);
    for (let at = 0; at + BLOCK <= out.length; at += BLOCK) boxMullerInto(out, at);
    if (out.length % BLOCK !== 0) {
      // torch redoes the last 16 places from new bits, over values that were already made.
      this.#fillUniform(out, out.length - BLOCK);
      boxMullerInto(out, out.length - BLOCK);
    }
  }

  save(): RandomState {
    return { ...this.#bits.save(), kept: this.#kept };
  }

  restore(state: RandomState): void {
    const { words, used, kept } = state;
    const whole = words instanceof Uint32Array && words.length === WORDS;
    if (!whole || !Number.isInteger(used) || used < 0 || used > WORDS) {
      throw new InvalidStateError('its random numbers are damaged');
    }
    this.#bits.restore(state);
    this.#kept = kept;
  }

  #fillUniform(out: Float32Array, from: number): void {
    for (let i = from; i < out.length; i++) out[i] = (this.#bits.next() & LOW_24_BITS) * 2 ** -24;
  }

  #nextNormal(): number {
    if (this.#kept !== null) {
      const kept = this.#kept;
      this.#kept = null;
      return kept;
    }
    const theta = 2 * Math.PI * this.#uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#uniform53()));
    this.#kept = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  /** 53 random bits as a double in [0, 1): the high word is drawn first and gives the upper 21. */
  #uniform53(): number {
    const high = this.#bits.next() & LOW_21_BITS;
    return (high * 2 ** 32 + this.#bits.next()) * 2 ** -53;
  }
}

/** Turns 16 uniforms in place into 16 normals, pairing each of the first eight with its partner in the second. */
function boxMullerInto(values: Float32Array, at: number): void {
  for (let j = at; j < at + HALF; j++) {
    const radius = sqrt32(f32(-2 * log32(f32(1 - values[j]))));
    const theta = f32(TWO_PI_32 * values[j + HALF]);
    values[j] = radius * f32(Math.cos(theta));
    values[j + HALF] = radius * f32(Math.sin(theta));
  }
}
