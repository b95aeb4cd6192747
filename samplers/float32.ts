/**
 * Scalar arithmetic in single precision, rounded where torch rounds.
 *
 * A sampler that starts at sigma 700 subtracts numbers of size 2000 to reach an answer of size 1, so the last bit of
 * every intermediate shows in the result. Each `f32(...)` stands for one float32 operation of the reference.
 */
export const f32 = Math.fround;

export const log32 = (value: number): number => f32(Math.log(value));
export const exp32 = (value: number): number => f32(Math.exp(value));
export const expm132 = (value: number): number => f32(Math.expm1(value));
export const sqrt32 = (value: number): number => f32(Math.sqrt(value));
export const square32 = (value: number): number => f32(value * value);

/** torch.pow of a float32 by a constant. Cubes are two products there, everything else one rounded power. */
export function pow32(base: number, exponent: number): number {
  return exponent === 3 ? f32(square32(base) * base) : f32(base ** exponent);
}

/** Lanes of the vector registers behind torch's linspace; it fills two registers at a time. */
const LANES = 8;

/**
 * torch.linspace(start, end, count) in float32, both ends included, bit for bit with an AVX2 build.
 *
 * The kernel counts up from `start` in the first half and down from `end` in the second, but decides once for each
 * vector of eight; what is left over after the whole pairs of vectors is decided one by one. Products and sums are
 * fused. With rho = 7 a difference in the last bit here moves the smallest sigmas by 1e-6.
 */
export function linspace32(start: number, end: number, count: number): Float32Array {
  const out = new Float32Array(count);
  const first = f32(start);
  const last = f32(end);
  const step = count > 1 ? f32(f32(last - first) / (count - 1)) : 0;
  const half = Math.floor(count / 2);
  const at = (k: number): number =>
    k < half || count === 1 ? f32(first + step * k) : f32(last - step * (count - 1 - k));
  const vectorised = count - (count % (2 * LANES));
  for (let k = 0; k < vectorised; k += LANES) {
    const base = at(k);
    for (let lane = 0; lane < LANES; lane++) out[k + lane] = base + step * lane;
  }
  for (let k = vectorised; k < count; k++) out[k] = at(k);
  return out;
}
