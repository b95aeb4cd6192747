import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  buildScaling,
  discreteDenoiser,
  edmScaling,
  epsScaling,
  SCALING_NAMES,
  vScaling,
  vScalingWithEDMcNoise,
} from '../../samplers/index.js';

const sigma = fc.double({ min: 0.002, max: 700, noNaN: true }).map(Math.fround);

describe('scalings', () => {
  test('EDM follows table 1 of Karras et al.', () => {
    fc.assert(
      fc.property(sigma, fc.double({ min: 0.1, max: 2, noNaN: true }), (s, data) => {
        const c = edmScaling(data)(s);
        expect(c.cSkip / (data ** 2 / (s ** 2 + data ** 2))).toBeCloseTo(1, 5);
        expect(c.cOut / ((s * data) / Math.hypot(s, data))).toBeCloseTo(1, 5);
        expect(c.cIn * Math.hypot(s, data)).toBeCloseTo(1, 5);
        expect(c.cNoise).toBeCloseTo(Math.log(s) / 4, 5);
      }),
    );
  });

  test('a perfect noise prediction and a perfect velocity give back the clean value', () => {
    fc.assert(
      fc.property(sigma, fc.double({ min: -3, max: 3, noNaN: true }), (s, clean) => {
        const noise = 0.7;
        const x = clean + s * noise;
        const eps = epsScaling(s);
        expect(Math.abs(eps.cOut * noise + eps.cSkip * x - clean)).toBeLessThan(1e-6 * (1 + s));
        // In the units of a variance-preserving process: signal 1/r, noise s/r.
        const r = Math.hypot(s, 1);
        const velocity = noise / r - (s / r) * clean;
        const v = vScaling(s);
        expect(Math.abs(v.cOut * velocity + v.cSkip * x - clean)).toBeLessThan(1e-5);
      }),
    );
  });

  test('the network’s input has unit variance when the data has the variance the scaling assumes', () => {
    fc.assert(
      fc.property(sigma, (s) => {
        for (const scaling of [epsScaling, vScaling, vScalingWithEDMcNoise]) {
          expect(scaling(s).cIn ** 2 * (s ** 2 + 1)).toBeCloseTo(1, 5);
        }
      }),
    );
  });

  test('SVD’s scaling is velocity, told the noise as ln(sigma) / 4', () => {
    expect(vScalingWithEDMcNoise(700).cNoise).toBeCloseTo(1.63777, 5);
    expect(vScalingWithEDMcNoise(1).cNoise).toBe(0);
    expect(vScalingWithEDMcNoise(Math.fround(0.002)).cNoise).toBeCloseTo(-1.55365, 5);
    const velocity = vScaling(3);
    expect(vScalingWithEDMcNoise(3)).toEqual({
      ...velocity,
      cNoise: Math.fround(0.25 * Math.fround(Math.log(3))),
    });
    expect(velocity.cNoise).toBe(3);
  });

  test('a sigma_data that is not above 0 is refused', () => {
    expect(() => edmScaling(0)).toThrow(expect.objectContaining({ field: 'sigma_data' }));
  });
});

describe('the discrete denoiser', () => {
  const table = Float32Array.from([1, 2, 4, 8]);

  test('scales with the nearest trained level and tells the network its index', () => {
    const denoiser = discreteDenoiser(vScaling, { table });
    for (const [asked, index] of [
      [0.1, 0],
      [1.4, 0],
      [1.6, 1],
      [3.1, 2],
      [700, 3],
    ] as const) {
      expect(denoiser(asked)).toEqual({ ...vScaling(table[index]), cNoise: index });
    }
  });

  test('takes the first of two equally near levels', () => {
    expect(discreteDenoiser(epsScaling, { table })(1.5).cNoise).toBe(0);
    expect(discreteDenoiser(epsScaling, { table })(6).cNoise).toBe(2);
  });

  test('can keep c_noise as it is', () => {
    expect(discreteDenoiser(epsScaling, { table, quantizeCNoise: false })(3.1).cNoise).toBe(4);
  });

  test('looks c_noise up in the same table, also when it is not a sigma', () => {
    // ln(8) / 4 = 0.52 is nearest to the first level.
    expect(discreteDenoiser(vScalingWithEDMcNoise, { table })(8).cNoise).toBe(0);
  });

  test('needs a table', () => {
    expect(() => discreteDenoiser(vScaling, { table: new Float32Array() })).toThrow('table');
  });

  test('is what the eps and v scalings get by name, with 1000 levels', () => {
    expect(buildScaling('EpsScaling')(700)).toEqual(expect.objectContaining({ cNoise: 999, cSkip: 1 }));
    expect(buildScaling('VScaling')(0.0001).cNoise).toBe(0);
    expect(SCALING_NAMES).toEqual(['VScalingWithEDMcNoise', 'EDMScaling', 'EpsScaling', 'VScaling']);
    expect(() => buildScaling('toString' as never)).toThrow(expect.objectContaining({ field: 'scaling' }));
  });
});
