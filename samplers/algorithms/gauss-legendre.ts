/** A quadrature rule on [-1, 1]. */
export interface Rule {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/**
 * The Gauss-Legendre rule with `count` nodes, exact for polynomials up to degree 2 * count - 1. The nodes are the
 * zeros of the Legendre polynomial, found by Newton's method from Tricomi's estimate.
 */
export function gaussLegendre(count: number): Rule {
  const nodes: number[] = [];
  const weights: number[] = [];
  for (let k = 0; k < count; k++) {
    let z = Math.cos((Math.PI * (k + 0.75)) / (count + 0.5));
    for (let round = 0; round < 100; round++) {
      const { value, slope } = legendre(count, z);
      const change = value / slope;
      z -= change;
      if (Math.abs(change) < 1e-16) break;
    }
    const { slope } = legendre(count, z);
    nodes.push(z);
    weights.push(2 / ((1 - z * z) * slope * slope));
  }
  return { nodes, weights };
}

/** The integral of f from a to b. */
export function integrate(
  f: (tau: number) => number,
  a: number,
  b: number,
  { nodes, weights }: Rule,
): number {
  const middle = (a + b) / 2;
  const half = (b - a) / 2;
  return half * nodes.reduce((sum, node, k) => sum + weights[k] * f(middle + half * node), 0);
}

/** The Legendre polynomial of the degree and its derivative at z, by the three-term recurrence. */
function legendre(degree: number, z: number): { value: number; slope: number } {
  let before = 1;
  let value = z;
  for (let k = 2; k <= degree; k++) {
    [before, value] = [value, ((2 * k - 1) * z * value - (k - 1) * before) / k];
  }
  return { value, slope: (degree * (z * value - before)) / (z * z - 1) };
}
