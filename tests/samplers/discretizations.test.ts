import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  alignYourSteps,
  checkSchedule,
  type Discretization,
  edmDiscretization,
  InvalidParameterError,
  InvalidScheduleError,
  lcmDiscretization,
  legacyDDPMDiscretization,
  scheduleOf,
  tableOf,
} from '../../samplers/index.js';
import { linspace32 } from '../../samplers/float32.js';

const svd = edmDiscretization({ sigmaMin: 0.002, sigmaMax: 700, rho: 7 });
const legacy = legacyDDPMDiscretization({ linearStart: 0.00085, linearEnd: 0.012, numTimesteps: 1000 });
const ays = alignYourSteps();

function expectLevels(given: Float32Array, published: readonly number[], tolerance = 1e-4): void {
  expect(given).toHaveLength(published.length);
  published.forEach((level, i) => expect(Math.abs(given[i] - level)).toBeLessThanOrEqual(tolerance * level));
}

describe('LCM', () => {
  const lcm = lcmDiscretization({ sigmaMin: 0.002, sigmaMax: 700, rho: 7, numTimesteps: 40 });

  test('gives the published levels of AnimateLCM-SVD-xt', () => {
    expectLevels(lcm(2), [700, 13.678]);
    expectLevels(lcm(4), [700, 128.56, 13.678, 0.4969]);
    expectLevels(lcm(6), [700, 266.19, 86.66, 22.76, 4.353, 0.4969], 2e-4);
    expectLevels(lcm(8), [700, 315.74, 128.56, 45.85, 13.678, 3.167, 0.4969, 0.0398], 2e-3);
  });

  test('takes levels of the model’s own only', () => {
    const all = new Set(svd(40));
    for (const n of [1, 3, 5, 7, 13, 27, 40]) {
      const levels = lcm(n);
      checkSchedule(scheduleOf(lcm, n));
      expect(levels).toHaveLength(n);
      expect([...levels].every((level) => all.has(level))).toBe(true);
    }
    expect(lcm(40)).toEqual(svd(40));
  });

  test('refuses more steps than the model has levels, and no levels', () => {
    expect(() => lcm(41)).toThrow(InvalidParameterError);
    const none = { sigmaMin: 0.002, sigmaMax: 700, rho: 7, numTimesteps: 0 };
    expect(() => lcmDiscretization(none)).toThrow(/num_timesteps/);
  });
});

describe('EDM', () => {
  test('gives the published levels', () => {
    expectLevels(svd(5), [700, 134.8544, 15.58997, 0.678146, 0.002], 2e-6);
    expectLevels(
      svd(10),
      [700, 352.992, 165.26, 70.5408, 26.7572, 8.68203, 2.26912, 0.43076, 0.0485494, 0.002],
      4e-6,
    );
    expect(svd(25)[1]).toBeCloseTo(545.729, 3);
  });

  test('gives sigma_max alone for one step', () => {
    expect(Array.from(svd(1))).toEqual([Math.fround(700.0001220703125)]);
  });

  test('follows the formula in double precision to 5e-6 for any parameters', () => {
    const parameters = fc.record({
      sigmaMin: fc.double({ min: 0.001, max: 1, noNaN: true }),
      sigmaMax: fc.double({ min: 2, max: 1000, noNaN: true }),
      rho: fc.double({ min: 1, max: 8, noNaN: true }),
    });
    fc.assert(
      fc.property(parameters, fc.integer({ min: 2, max: 60 }), (p, n) => {
        const [top, bottom] = [p.sigmaMax ** (1 / p.rho), p.sigmaMin ** (1 / p.rho)];
        const levels = edmDiscretization(p)(n);
        // Where top and bottom are far apart the reference cancels in float32, so the error is held against the top.
        const allowed = 1e-7 * 6 * p.rho * (top / bottom);
        levels.forEach((level, k) => {
          const exact = (top + (k / (n - 1)) * (bottom - top)) ** p.rho;
          expect(Math.abs(level - exact) / exact).toBeLessThan(allowed);
        });
      }),
    );
  });

  test.each<[string, Partial<{ sigmaMin: number; sigmaMax: number; rho: number }>]>([
    ['sigma_min', { sigmaMin: 0 }],
    ['sigma_min', { sigmaMin: NaN }],
    ['sigma_max', { sigmaMax: 0.001 }],
    ['sigma_max', { sigmaMax: Infinity }],
    ['rho', { rho: 0 }],
  ])('refuses a bad %s by name (%p)', (field, bad) => {
    const make = () => edmDiscretization({ sigmaMin: 0.002, sigmaMax: 700, rho: 7, ...bad });
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_parameter', field }));
  });
});

describe('linspace in float32', () => {
  test('has both ends, rises, and stays within 1.5e-7 of the exact positions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), (n) => {
        const ramp = linspace32(0, 1, n);
        expect([ramp[0], ramp[n - 1]]).toEqual([0, 1]);
        ramp.forEach((value, k) => expect(Math.abs(value - k / (n - 1))).toBeLessThan(1.5e-7));
      }),
    );
  });

  test('of one value is the start', () => {
    expect(Array.from(linspace32(3, 9, 1))).toEqual([3]);
  });
});

describe('LegacyDDPM', () => {
  test('gives the published levels', () => {
    expectLevels(
      legacy(10),
      [14.61464, 8.3028, 5.08776, 3.32108, 2.27646, 1.61289, 1.16058, 0.82986, 0.56928, 0.34167],
      2e-5,
    );
    expect(legacy(25)[24]).toBeCloseTo(0.1963, 4);
  });

  test('picks the training levels numpy picks', () => {
    const all = legacy(1000);
    const timesteps = (n: number): number[] => Array.from(legacy(n), (level) => 999 - all.indexOf(level));
    expect(timesteps(1)).toEqual([999]);
    expect(timesteps(2)).toEqual([999, 499]);
    expect(timesteps(25)).toEqual(Array.from({ length: 25 }, (_, k) => 999 - Math.ceil(k * 39.96)));
    // 999 - 999 * 77 / 99 is exactly 222; numpy rounds the quotient first, falls just short of it and truncates.
    expect([timesteps(99)[77], timesteps(99)[88], timesteps(213)[142]]).toEqual([221, 110, 332]);
  });

  test('ranges from 14.61464 down to 0.029167 when all levels are used', () => {
    const all = legacy(1000);
    expect(all[0]).toBeCloseTo(14.61464, 5);
    expect(all[999]).toBeCloseTo(0.029167, 6);
  });

  test('refuses more steps than were trained, and bad betas by name', () => {
    expect(() => legacy(1001)).toThrow(
      expect.objectContaining({ field: 'steps', allowed: 'from 1 to 1000' }),
    );
    const made = (linearStart: number, linearEnd: number, numTimesteps: number) => () =>
      legacyDDPMDiscretization({ linearStart, linearEnd, numTimesteps });
    expect(made(0, 0.012, 1000)).toThrow(expect.objectContaining({ field: 'linear_start' }));
    expect(made(0.1, 0.01, 1000)).toThrow(expect.objectContaining({ field: 'linear_end' }));
    expect(made(0.001, 0.01, 1.5)).toThrow(expect.objectContaining({ field: 'num_timesteps' }));
  });
});

describe('Align Your Steps', () => {
  const published = [700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034];

  test('gives the published list at 10 steps, its last value replaced by 0', () => {
    expect(Array.from(scheduleOf(ays, 10))).toEqual([...published, 0].map(Math.fround));
  });

  test('gives every other level at 5 steps and interpolates ln sigma at 8 and 20', () => {
    expect(Array.from(ays(5))).toEqual([700, 15.886, 4.248, 0.981, 0.173].map(Math.fround));
    expectLevels(ays(8), [700, 40.045, 11.257, 4.973, 1.789, 0.7854, 0.264, 0.05106], 2e-4);
    expectLevels(ays(20).slice(0, 4), [700, 195.32, 54.5, 29.424]);
    expect(ays(20)[19]).toBeCloseTo(0.0082, 4);
  });
});

describe('a schedule', () => {
  test.each<[string, Discretization]>([
    ['EDM', svd],
    ['LegacyDDPM', legacy],
    ['AlignYourSteps', ays],
  ])('of %s falls strictly to 0 for 1 to 1000 steps', (_name, discretization) => {
    for (const n of [1, 2, 3, 7, 10, 11, 25, 40, 50, 100, 333, 999, 1000]) {
      const sigmas = scheduleOf(discretization, n);
      expect(sigmas).toHaveLength(n + 1);
      expect(sigmas[n]).toBe(0);
      for (let i = 0; i < n; i++) expect(sigmas[i]).toBeGreaterThan(sigmas[i + 1]);
    }
  });

  test.each<[string, number[], number]>([
    ['NaN', [3, NaN, 0], 1],
    ['an infinite level', [Infinity, 1, 0], 0],
    ['a level twice', [3, 2, 2, 0], 2],
    ['a rise', [3, 1, 2, 0], 2],
    ['a level below 0', [3, -1, 0], 2],
    ['no 0 at the end', [3, 1], 1],
    ['nothing above 0', [0], 0],
  ])('with %s is refused, naming the place', (_what, levels, index) => {
    expect(() => checkSchedule(Float32Array.from(levels))).toThrow(InvalidScheduleError);
    expect(() => checkSchedule(Float32Array.from(levels))).toThrow(
      expect.objectContaining({ code: 'invalid_schedule', index }),
    );
  });

  test('whose levels coincide in float32 is refused', () => {
    const crowded = edmDiscretization({ sigmaMin: 14.6146, sigmaMax: 14.61461, rho: 3 });
    expect(() => scheduleOf(crowded, 100)).toThrow(InvalidScheduleError);
  });

  test.each([0, -1, 1.5, NaN])('of %p steps is refused', (n) => {
    expect(() => scheduleOf(svd, n)).toThrow(InvalidParameterError);
  });

  test('as a table ascends and has no 0', () => {
    const table = tableOf(legacy, 1000);
    expect(table).toHaveLength(1000);
    expect(table[0]).toBeCloseTo(0.029167, 6);
    expect(table[999]).toBeCloseTo(14.61464, 5);
  });
});
