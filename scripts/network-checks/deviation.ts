/** One comparison with the reference. `deviation` must not exceed `tolerance`; for decibels, must reach it. */
export interface Comparison {
  readonly name: string;
  readonly deviation: number;
  readonly tolerance: number;
  readonly unit: 'relative' | 'dB';
}

/** NaN passes nothing. */
export const isWithin = ({ deviation, tolerance, unit }: Comparison): boolean =>
  unit === 'dB' ? deviation >= tolerance : deviation <= tolerance;

/** Largest |a − b| as a part of the largest |b|; infinite for different lengths, NaN if a value is. */
export function largestDeviation(given: Float32Array, reference: Float32Array): number {
  if (given.length !== reference.length) return Infinity;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    difference = Math.max(difference, Math.abs(given[i] - reference[i]));
    largest = Math.max(largest, Math.abs(reference[i]));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** Largest |a − b| / |b| of single values, for lists that span magnitudes; equal values deviate by 0. */
export function largestRelativeDeviation(given: Float32Array, reference: Float32Array): number {
  if (given.length !== reference.length) return Infinity;
  return reference.reduce((most, b, i) => {
    const difference = Math.abs(given[i] - b);
    return Math.max(most, difference === 0 ? 0 : difference / Math.abs(b));
  }, 0);
}

/** Peak signal-to-noise ratio in dB of values in 0…1. */
export function peakSignalToNoise(given: Float32Array, reference: Float32Array): number {
  if (given.length !== reference.length) return NaN;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) sum += (given[i] - reference[i]) ** 2;
  return -10 * Math.log10(sum / reference.length);
}

export function lineOf(comparison: Comparison): string {
  const { name, deviation, tolerance, unit } = comparison;
  const number = (value: number) => (unit === 'dB' ? value.toFixed(1) : value.toExponential(2));
  const [relation, suffix] = unit === 'dB' ? ['of at least', ' dB PSNR'] : ['of at most', ''];
  const verdict = isWithin(comparison) ? 'ok  ' : 'FAIL';
  return `${verdict}  ${name.padEnd(28)} ${number(deviation)} ${relation} ${number(tolerance)}${suffix}`;
}
