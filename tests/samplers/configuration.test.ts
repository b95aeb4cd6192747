import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  CATALOGUE,
  COMPONENT_KINDS,
  createSampling,
  parameterNames,
  type ParameterSpec,
  type Recipe,
  resolveComponent,
  resolveRecipe,
  type SamplingRequest,
  STEPS,
} from '../../samplers/index.js';

const svdXt: Recipe = {
  steps: 30,
  sampler: { name: 'EulerEDMSampler', params: { s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 } },
  discretization: { name: 'EDMDiscretization', params: { sigma_min: 0.002, sigma_max: 700, rho: 7 } },
  guider: { name: 'LinearPredictionGuider', params: { max_cfg_scale: 3, min_guidance_scale: 1.5 } },
};

const everyParameter = COMPONENT_KINDS.flatMap((kind) =>
  CATALOGUE[kind].flatMap((spec) =>
    spec.parameters.map((parameter) => ({ kind, component: spec.name, parameter })),
  ),
);

describe('the catalogue', () => {
  test('has the documented components', () => {
    expect(CATALOGUE.sampler.map((spec) => spec.name)).toEqual([
      'EulerEDMSampler',
      'HeunEDMSampler',
      'EulerAncestralSampler',
      'DPMPP2SAncestralSampler',
      'DPMPP2MSampler',
      'LinearMultistepSampler',
    ]);
    expect(CATALOGUE.discretization.map((spec) => spec.name)).toEqual([
      'EDMDiscretization',
      'LegacyDDPMDiscretization',
      'AlignYourSteps',
      'LCMDiscretization',
    ]);
    expect(CATALOGUE.guider.map((spec) => spec.name)).toEqual([
      'VanillaCFG',
      'LinearPredictionGuider',
      'TrianglePredictionGuider',
      'TrapezoidPredictionGuider',
      'IdentityGuider',
    ]);
  });

  test.each<[string, Record<string, number>]>([
    ['EulerEDMSampler', { s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 }],
    ['HeunEDMSampler', { s_churn: 0, s_tmin: 0, s_tmax: 999, s_noise: 1 }],
    ['EulerAncestralSampler', { eta: 1, s_noise: 1 }],
    ['DPMPP2SAncestralSampler', { eta: 1, s_noise: 1 }],
    ['DPMPP2MSampler', {}],
    ['LinearMultistepSampler', { order: 4 }],
    ['EDMDiscretization', { sigma_min: 0.0292, sigma_max: 14.6146, rho: 3 }],
    ['VanillaCFG', { cfg_scale: 5 }],
    ['LinearPredictionGuider', { max_cfg_scale: 1.5, min_guidance_scale: 1 }],
    ['IdentityGuider', {}],
  ])('gives %s the documented defaults', (name, defaults) => {
    const kind = COMPONENT_KINDS.find((k) => CATALOGUE[k].some((spec) => spec.name === name));
    expect(resolveComponent(kind!, name).params).toMatchObject(defaults);
  });

  test.each<[string, string, number, number]>([
    ['EulerAncestralSampler', 's_noise', 0, 1],
    ['EulerAncestralSampler', 'eta', 0, 1],
    ['DPMPP2SAncestralSampler', 'eta', 0, 1],
    ['LinearPredictionGuider', 'min_guidance_scale', 1, 10],
  ])('holds %s to the documented range of %s', (component, name, min, max) => {
    const found = everyParameter.find((p) => p.component === component && p.parameter.name === name);
    expect(found?.parameter).toMatchObject({ min, max, type: 'number' });
  });

  test('has the documented lower ends where there is no upper', () => {
    const lowest = (name: string) => everyParameter.find((p) => p.parameter.name === name)?.parameter;
    expect(lowest('order')).toMatchObject({ type: 'integer', min: 1 });
    expect(lowest('cfg_scale')).toMatchObject({ min: 0 });
    expect(lowest('max_cfg_scale')).toMatchObject({ min: 1 });
    expect(STEPS).toMatchObject({ type: 'integer', min: 1, max: 1000, default: 40 });
  });

  test('is plain data, every default lies in its range, and every entry is described', () => {
    expect(JSON.parse(JSON.stringify(CATALOGUE))).toEqual(CATALOGUE);
    for (const { parameter: p } of everyParameter) {
      expect(p.default).toBeGreaterThanOrEqual(p.min);
      expect(p.default).toBeLessThanOrEqual(p.max);
      expect(p.description).toMatch(/^[A-Z].{10,}/);
    }
    for (const kind of COMPONENT_KINDS) {
      for (const spec of CATALOGUE[kind]) expect(spec.description.length).toBeGreaterThan(10);
    }
  });

  test('makes a sampling of every combination at its defaults', () => {
    for (const sampler of CATALOGUE.sampler) {
      for (const discretization of CATALOGUE.discretization) {
        for (const guider of CATALOGUE.guider) {
          const made = createSampling(
            { steps: 3, sampler: sampler.name, discretization: discretization.name, guider: guider.name },
            { frames: 14 },
          );
          expect(made.sigmas).toHaveLength(4);
          expect(made.evaluations).toBeGreaterThanOrEqual(3);
        }
      }
    }
  });

  test('has no limit at which a component fails other than by a typed error', () => {
    for (const { kind, component, parameter } of everyParameter) {
      for (const value of [parameter.min, parameter.max]) {
        const choice = { name: component, overrides: { [parameter.name]: value } };
        let code = 'made';
        try {
          createSampling({ ...svdXt, steps: 5, [kind]: choice }, { frames: 14 });
        } catch (error) {
          code = (error as { code: string }).code;
        }
        // A limit may still clash with another parameter's default: sigma_min at its largest is above sigma_max.
        expect(['made', 'invalid_schedule', 'invalid_parameter']).toContain(code);
        if (kind === 'sampler') expect(code).toBe('made');
      }
    }
  });
});

describe('a value out of range', () => {
  const request = (kind: string, name: string, overrides: object): SamplingRequest => ({
    ...svdXt,
    [kind]: { name, overrides },
  });

  test.each(everyParameter.map((p) => [p.component, p.parameter.name, p] as const))(
    'of %s, %s, is refused by the field’s name with what is allowed',
    (component, name, { kind, parameter }) => {
      const beyond = parameter.type === 'integer' ? 1 : Math.max(1e-7, Math.abs(parameter.max) * 1e-6);
      for (const given of [
        parameter.min - beyond,
        parameter.max + beyond,
        NaN,
        Infinity,
        '3',
        null,
        true,
        [1],
      ]) {
        const make = () => createSampling(request(kind, component, { [name]: given }), { frames: 14 });
        expect(make).toThrow(
          expect.objectContaining({
            code: 'invalid_parameter',
            field: name,
            given,
            name: 'InvalidParameterError',
          }),
        );
        expect(make).toThrow(`from ${parameter.min} to ${parameter.max}`);
      }
    },
  );

  test('is refused and one within accepted, for any number', () => {
    fc.assert(
      fc.property(fc.constantFrom(...everyParameter), fc.double({ noNaN: true }), (p, value) => {
        const { name, min, max, type }: ParameterSpec = p.parameter;
        const inside = value >= min && value <= max && (type === 'number' || Number.isInteger(value));
        const resolve = () => resolveComponent(p.kind, p.component, { [name]: value });
        if (inside) expect(resolve().params[name]).toBe(value);
        else expect(resolve).toThrow(expect.objectContaining({ field: name }));
      }),
    );
  });

  test.each([0, 1001, 2.5, NaN, '25', undefined])('as %p steps is refused', (steps) => {
    const make = () => createSampling({ ...svdXt, steps: steps as number }, { frames: 14 });
    expect(make).toThrow(expect.objectContaining({ field: 'steps', given: steps }));
  });

  test.each([0, 1.5, NaN])('as %p frames is refused', (frames) => {
    expect(() => createSampling(svdXt, { frames })).toThrow(expect.objectContaining({ field: 'frames' }));
  });

  test('cannot flood the message', () => {
    const given = 'x'.repeat(100_000);
    expect(() => resolveComponent('sampler', given)).toThrow(
      expect.objectContaining({ field: 'sampler', given }),
    );
    try {
      resolveComponent('sampler', given);
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(400);
    }
  });
});

describe('levels that do not fit together', () => {
  test('sigma_min above sigma_max is refused by name', () => {
    const discretization = { name: 'EDMDiscretization', overrides: { sigma_min: 20 } };
    expect(() => createSampling({ ...svdXt, discretization }, { frames: 2 })).toThrow(
      expect.objectContaining({ code: 'invalid_parameter', field: 'sigma_max', given: 14.6146 }),
    );
  });

  test('a schedule that overflows or collapses is refused as such', () => {
    const overflowing = { name: 'EDMDiscretization', overrides: { sigma_max: 1e5, rho: 0.1 } };
    const crowded = { name: 'EDMDiscretization', overrides: { sigma_min: 14.6145, sigma_max: 14.6146 } };
    for (const discretization of [overflowing, crowded]) {
      expect(() => createSampling({ ...svdXt, steps: 1000, discretization }, { frames: 2 })).toThrow(
        expect.objectContaining({ code: 'invalid_schedule' }),
      );
    }
  });

  test('more steps than a DDPM was trained on are refused', () => {
    const discretization = { name: 'LegacyDDPMDiscretization', overrides: { num_timesteps: 20 } };
    expect(() => createSampling({ ...svdXt, discretization }, { frames: 2 })).toThrow(
      expect.objectContaining({ field: 'steps', given: 30, allowed: 'from 1 to 20' }),
    );
  });
});

describe('resolving a component', () => {
  test('that is left out gives the recipe’s, completed', () => {
    const { name, params } = resolveComponent('guider', undefined, {}, svdXt.guider);
    expect(name).toBe('LinearPredictionGuider');
    expect(params).toMatchObject({ max_cfg_scale: 3, min_guidance_scale: 1.5, guidance_sigma_min: 0 });
  });

  test('that is named gives the documented defaults, even when the recipe names it too', () => {
    const named = resolveComponent('guider', 'LinearPredictionGuider', { max_cfg_scale: 2 }, svdXt.guider);
    expect(named.params).toMatchObject({ max_cfg_scale: 2, min_guidance_scale: 1 });
  });

  test('that is left out still takes overrides', () => {
    const { params } = resolveComponent('discretization', undefined, { rho: 5 }, svdXt.discretization);
    expect(params).toEqual({ sigma_min: 0.002, sigma_max: 700, rho: 5 });
  });

  test('refuses a name nobody has and a parameter the component does not take', () => {
    expect(() => resolveComponent('sampler', 'EulerSampler')).toThrow(
      expect.objectContaining({
        field: 'sampler',
        given: 'EulerSampler',
        allowed: expect.stringContaining('HeunEDM'),
      }),
    );
    expect(() => resolveComponent('sampler', undefined)).toThrow(
      expect.objectContaining({ field: 'sampler' }),
    );
    expect(() => resolveComponent('sampler', 'DPMPP2MSampler', { eta: 1 })).toThrow(
      expect.objectContaining({ field: 'eta' }),
    );
  });

  test.each(['toString', '__proto__', 'constructor'])('has no component called %s', (name) => {
    for (const kind of COMPONENT_KINDS) expect(() => resolveComponent(kind, name)).toThrow('one of');
    for (const kind of COMPONENT_KINDS) {
      const request = { ...svdXt, [kind]: { name, params: {} } };
      expect(() => createSampling(request, { frames: 2 })).toThrow(expect.objectContaining({ field: kind }));
    }
  });
});

describe('resolving wire fields', () => {
  test('with none given is the recipe', () => {
    const resolved = resolveRecipe({ prompt: 'a lighthouse', W: 1024 }, svdXt);
    expect(resolved).toMatchObject(svdXt);
    expect(resolved.ignored).toEqual([]);
  });

  test('without a recipe needs the three names', () => {
    expect(() => resolveRecipe({ sampler: 'DPMPP2MSampler' })).toThrow(
      expect.objectContaining({ field: 'discretization' }),
    );
    const names = { sampler: 'DPMPP2MSampler', discretization: 'AlignYourSteps', guider: 'IdentityGuider' };
    expect(resolveRecipe(names)).toMatchObject({
      steps: 40,
      sampler: { name: 'DPMPP2MSampler', params: {} },
    });
  });

  test('gives each parameter to the component that takes it and lists those none takes', () => {
    const resolved = resolveRecipe(
      { sampler: 'EulerAncestralSampler', eta: 0.5, s_churn: 3, order: 2, rho: 5, cfg_scale: 2, steps: 12 },
      svdXt,
    );
    expect(resolved.sampler).toEqual({ name: 'EulerAncestralSampler', params: { eta: 0.5, s_noise: 1 } });
    expect(resolved.discretization.params.rho).toBe(5);
    expect(resolved.steps).toBe(12);
    expect(resolved.ignored.toSorted()).toEqual(['cfg_scale', 'order', 's_churn']);
  });

  test('refuses bad values and names', () => {
    expect(() => resolveRecipe({ s_churn: -1 }, svdXt)).toThrow(
      expect.objectContaining({ field: 's_churn' }),
    );
    expect(() => resolveRecipe({ steps: '25' }, svdXt)).toThrow(expect.objectContaining({ field: 'steps' }));
    expect(() => resolveRecipe({ guider: 7 }, svdXt)).toThrow(
      expect.objectContaining({ field: 'guider', given: 7 }),
    );
  });

  test('the result makes a sampling that echoes it', () => {
    const resolved = resolveRecipe({ guider: 'VanillaCFG' }, svdXt);
    const made = createSampling(resolved, { frames: 25 });
    expect(made).toMatchObject({ steps: 30, guider: resolved.guider, frames: 25, evaluations: 30, draws: 0 });
    expect(made.scaling).toBe('VScalingWithEDMcNoise');
  });

  test('every parameter has one wire name', () => {
    expect(parameterNames()).toEqual([...new Set(everyParameter.map((p) => p.parameter.name))]);
  });
});

describe('a recipe’s own parameters', () => {
  test('may go beyond the wire limits, but not beyond the mathematics', () => {
    const beyond = { ...svdXt, sampler: { name: 'EulerAncestralSampler', params: { eta: 1e6 } } };
    expect(createSampling(beyond, { frames: 2 }).sampler.params).toEqual({ eta: 1e6, s_noise: 1 });
    const negative = { ...svdXt, sampler: { name: 'EulerAncestralSampler', params: { eta: -1 } } };
    expect(() => createSampling(negative, { frames: 2 })).toThrow(expect.objectContaining({ field: 'eta' }));
    const unknown = { ...svdXt, sampler: { name: 'EulerAncestralSampler', params: { zeta: 1 } } };
    expect(() => createSampling(unknown, { frames: 2 })).toThrow(expect.objectContaining({ field: 'zeta' }));
    const infinite = { ...svdXt, sampler: { name: 'EulerAncestralSampler', params: { eta: Infinity } } };
    expect(() => createSampling(infinite, { frames: 2 })).toThrow(expect.objectContaining({ field: 'eta' }));
  });
});
