/** Value of a half float's bit pattern (IEEE 754 binary16). */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Bit pattern of the half float nearest to a float32 of the given bit pattern, ties to even. Beyond ±65504 (by half a
 * step or more) it is an infinity.
 */
function halfOf(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(value) * 2 ** 24); // subnormal: units of 2⁻²⁴
  // Drops 13 bits of the fraction; a carry out of the fraction runs into the exponent, as it should.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

let halfTable: Float32Array | undefined;

const allHalves = (): Float32Array => {
  halfTable ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
  return halfTable;
};

/** Half floats' bit patterns to values. */
export function halvesToFloats(bits: Uint16Array): Float32Array {
  const table = allHalves();
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]];
  return values;
}

/** Values to half floats' bit patterns. */
export function floatsToHalves(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const patterns = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) patterns[i] = halfOf(bits[i], values[i]);
  return patterns;
}

/** bfloat16 bit patterns (the upper half of a float32) to values. */
export function brainFloatsToFloats(bits: Uint16Array): Float32Array {
  const patterns = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) patterns[i] = bits[i] << 16;
  return new Float32Array(patterns.buffer);
}
