import { describe, expect, test } from '@jest/globals';
import {
  dpmpp2m,
  type EvaluationEvent,
  identityGuider,
  InvalidParameterError,
  InvalidStateError,
  type Network,
  NonFiniteError,
  type RunOptions,
  runSampling,
  type SamplingState,
  TorchRandom,
  vScalingWithEDMcNoise,
} from '../../samplers/index.js';
import { edm, gaussianDenoiser, networkOf, sampling, SAMPLERS } from './support.js';

const shape = [2, 4, 3, 2] as const;
const size = 48;
const guider = {
  name: 'LinearPredictionGuider',
  params: { min_guidance_scale: 1, max_cfg_scale: 2.5 },
};
const network = networkOf((x, sigma) => gaussianDenoiser(0.2, 0.9)(x, sigma) + 0.1 * Math.sin(x));
const make = (sampler: (typeof SAMPLERS)[number][1], steps = 6) => sampling({ sampler, steps, guider }, 2);

describe('a resumed run', () => {
  test.each(SAMPLERS)(
    'of %s equals the uninterrupted one bit for bit, after every step',
    async (_name, sampler) => {
      const run = make(sampler);
      const states: SamplingState[] = [];
      const events: EvaluationEvent[] = [];
      const whole = await run.run({
        network,
        shape,
        random: new TorchRandom(3),
        onStep: ({ save }) => void states.push(structuredClone(save())),
        onEvaluation: (event) => void events.push(event),
      });
      expect(states.map((state) => state.step)).toEqual([1, 2, 3, 4, 5, 6]);
      for (const state of states) {
        // A generator elsewhere entirely: the state brings its own position.
        const random = new TorchRandom(999);
        random.randn(7);
        const rest: EvaluationEvent[] = [];
        const resumed = await make(sampler).run({
          network,
          shape,
          random,
          resume: state,
          onEvaluation: (event) => void rest.push(event),
        });
        expect(resumed).toEqual(whole);
        const counts = (list: EvaluationEvent[]) =>
          list.map((e) => [e.step, e.evaluation, e.evaluations, e.sigma]);
        expect(counts(rest)).toEqual(counts(events).filter(([step]) => step > state.step));
        expect(random.save()).toEqual(states[5].random);
      }
    },
  );

  test('can be saved again and resumed from there', async () => {
    const run = make('LinearMultistepSampler');
    const states: SamplingState[] = [];
    const options: RunOptions = { network, shape, random: new TorchRandom(3) };
    const whole = await run.run({ ...options, onStep: ({ save }) => void states.push(save()) });
    const again: SamplingState[] = [];
    await run.run({ ...options, resume: states[1], onStep: ({ save }) => void again.push(save()) });
    expect(again).toEqual(states.slice(2));
    expect(await run.run({ ...options, resume: again[1] })).toEqual(whole);
  });

  test('does not change the state it came from', async () => {
    const run = make('DPMPP2MSampler');
    const states: SamplingState[] = [];
    const random = new TorchRandom(3);
    await run.run({ network, shape, random, onStep: ({ save }) => void states.push(save()) });
    const kept = structuredClone(states[2]);
    await run.run({ network, shape, random, resume: states[2] });
    expect(states[2]).toEqual(kept);
  });

  test('of a source that cannot be saved leaves its position to the caller', async () => {
    const source = new TorchRandom(3);
    const bare = { fillNormal: (out: Float32Array) => source.fillNormal(out) };
    const states: SamplingState[] = [];
    const positions: ReturnType<TorchRandom['save']>[] = [];
    const run = make('EulerAncestralSampler');
    const whole = await run.run({
      network,
      shape,
      random: bare,
      onStep: ({ save }) => {
        states.push(save());
        positions.push(source.save());
      },
    });
    expect(states[2].random).toBeNull();
    source.restore(positions[2]);
    expect(await run.run({ network, shape, random: bare, resume: states[2] })).toEqual(whole);
  });

  const saved = async (): Promise<SamplingState> => {
    const states: SamplingState[] = [];
    const random = new TorchRandom(3);
    await make('DPMPP2MSampler').run({
      network,
      shape,
      random,
      onStep: ({ save }) => void states.push(save()),
    });
    return states[2];
  };

  test('is refused when the state belongs to another sampler, guidance, number of steps or shape', async () => {
    const resume = await saved();
    const random = new TorchRandom(3);
    const others = [
      make('EulerEDMSampler').run({ network, shape, random, resume }),
      make('DPMPP2MSampler', 7).run({ network, shape, random, resume }),
      sampling({ sampler: 'DPMPP2MSampler' }, 2).run({ network, shape, random, resume }),
      make('DPMPP2MSampler').run({ network, shape: [2, 4, 2, 3], random, resume }),
    ];
    for (const other of others) await expect(other).rejects.toThrow(InvalidStateError);
  });

  test.each<[string, (state: SamplingState) => unknown]>([
    ['version', (s) => ({ ...s, version: 2 })],
    ['step', (s) => ({ ...s, step: 7 })],
    ['step', (s) => ({ ...s, step: 0 })],
    ['latents', (s) => ({ ...s, x: s.x.slice(1) })],
    ['latents', (s) => ({ ...s, x: Array.from(s.x) })],
    ['history', (s) => ({ ...s, history: [] })],
    ['history', (s) => ({ ...s, history: [new Float32Array(3)] })],
    ['random', (s) => ({ ...s, random: { ...s.random, used: -1 } })],
  ])('is refused when the state’s %s is damaged', async (part, damage) => {
    const resume = damage(await saved()) as SamplingState;
    const run = make('DPMPP2MSampler').run({ network, shape, random: new TorchRandom(3), resume });
    await expect(run).rejects.toThrow(expect.objectContaining({ code: 'invalid_state' }));
    await expect(run).rejects.toThrow(part);
  });

  test('is known beforehand: a state can be checked without a run', async () => {
    const state = await saved();
    const run = make('DPMPP2MSampler');
    expect(() => run.checkState(state, shape)).not.toThrow();
    expect(() => run.checkState(state, [2, 4, 2, 3])).toThrow(InvalidStateError);
    expect(() => run.checkState({ ...state, step: 7 }, shape)).toThrow(InvalidStateError);
    expect(() => make('EulerEDMSampler').checkState(state, shape)).toThrow(InvalidStateError);
  });
});

describe('an aborted run', () => {
  test.each(SAMPLERS)(
    'of %s makes no further evaluation, whichever it is aborted in',
    async (_name, sampler) => {
      const run = make(sampler, 3);
      for (let at = 1; at <= run.evaluations; at++) {
        const controller = new AbortController();
        const reason = new Error('enough');
        let evaluations = 0;
        const told: number[] = [];
        const aborting: Network = {
          evaluate: (...args) => {
            evaluations++;
            if (evaluations === at) controller.abort(reason);
            return network.evaluate(...args);
          },
        };
        const running = run.run({
          network: aborting,
          shape,
          random: new TorchRandom(1),
          signal: controller.signal,
          onEvaluation: ({ evaluation }) => void told.push(evaluation),
        });
        await expect(running).rejects.toBe(reason);
        expect(evaluations).toBe(at);
        expect(told).toHaveLength(at - 1);
      }
    },
  );

  test('that was aborted before it began evaluates nothing', async () => {
    let evaluations = 0;
    const counting: Network = {
      evaluate: (...args) => {
        evaluations++;
        return network.evaluate(...args);
      },
    };
    const running = make('EulerEDMSampler').run({
      network: counting,
      shape,
      random: new TorchRandom(1),
      signal: AbortSignal.abort(),
    });
    await expect(running).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(evaluations).toBe(0);
  });
});

describe('the callbacks', () => {
  test('tell of every evaluation and step in order, with counts from 1', async () => {
    const told: string[] = [];
    const run = make('HeunEDMSampler', 3);
    await run.run({
      network,
      shape,
      random: new TorchRandom(1),
      onEvaluation: (e) =>
        void told.push(`${e.evaluation}/${e.evaluations} in ${e.step}/${e.steps} ${e.branches}`),
      onStep: (e) => void told.push(`step ${e.step}/${e.steps}`),
    });
    expect(told).toEqual([
      '1/5 in 1/3 both',
      '2/5 in 1/3 both',
      'step 1/3',
      '3/5 in 2/3 both',
      '4/5 in 2/3 both',
      'step 2/3',
      '5/5 in 3/3 both',
      'step 3/3',
    ]);
  });

  test('show the denoised latents and the sigma they were asked for', async () => {
    const run = sampling({ steps: 3 }, 2);
    const seen: [number, number][] = [];
    let expected = NaN;
    const known = networkOf((x, sigma) => (expected = gaussianDenoiser(0, 1)(x, sigma)));
    await run.run({
      network: known,
      shape,
      random: new TorchRandom(1),
      onEvaluation: ({ sigma, denoised }) => {
        seen.push([sigma, denoised[size - 1]]);
        expect(denoised[size - 1]).toBeCloseTo(expected, 4);
      },
    });
    expect(seen.map(([sigma]) => sigma)).toEqual(Array.from(run.sigmas.slice(0, 3)));
  });

  test('are waited for, and what they throw ends the run', async () => {
    let busy = false;
    const careful: Network = {
      evaluate: (...args) => {
        expect(busy).toBe(false);
        return network.evaluate(...args);
      },
    };
    const pause = async (): Promise<void> => {
      busy = true;
      await new Promise((resolve) => setImmediate(resolve));
      busy = false;
    };
    const options = { network: careful, shape, random: new TorchRandom(1) };
    await make('HeunEDMSampler').run({ ...options, onEvaluation: pause, onStep: pause });
    const failing = make('HeunEDMSampler').run({
      ...options,
      onStep: () => Promise.reject(new Error('disk full')),
    });
    await expect(failing).rejects.toThrow('disk full');
  });
});

describe('predictions that are not finite', () => {
  test.each([NaN, Infinity, -Infinity])('%p ends the run with an error that names the step', async (bad) => {
    for (const branch of [0, size]) {
      let evaluations = 0;
      const failing: Network = {
        evaluate: async (...args) => {
          const out = await network.evaluate(...args);
          if (++evaluations === 4) out[branch + 17] = bad;
          return out;
        },
      };
      const running = make('HeunEDMSampler').run({ network: failing, shape, random: new TorchRandom(1) });
      await expect(running).rejects.toThrow(NonFiniteError);
      await expect(running).rejects.toThrow(/step 2 of 6/);
      await expect(running).rejects.toThrow(
        expect.objectContaining({ code: 'non_finite', step: 2, steps: 6 }),
      );
      expect(evaluations).toBe(4);
    }
  });

  test('are noticed without guidance too', async () => {
    const failing: Network = {
      evaluate: (input) => Promise.resolve(new Float32Array(input.length).fill(NaN)),
    };
    const running = sampling({}, 2).run({ network: failing, shape, random: new TorchRandom(1) });
    await expect(running).rejects.toThrow(/step 1 of 6/);
  });

  test('are not needed for the latents themselves to overflow, which is noticed at the end', async () => {
    // Two finite predictions so far apart that the slope between them is beyond float32.
    const swinging = networkOf((_x, sigma) => (sigma > 50 ? -3e38 : 3e38));
    const run = sampling({ steps: 2, discretization: edm(10, 100) }, 2);
    let finite = 0;
    const running = run.run({
      network: swinging,
      shape,
      random: new TorchRandom(1),
      onEvaluation: ({ denoised }) => {
        if (denoised.every(Number.isFinite)) finite++;
      },
    });
    await expect(running).rejects.toThrow(NonFiniteError);
    await expect(running).rejects.toThrow('latents are not finite after step 2 of 2');
    expect(finite).toBe(2);
  });
});

describe('what a run is given', () => {
  const random = new TorchRandom(1);
  test.each<[string, Partial<RunOptions>]>([
    ['shape', { shape: [3, 4, 3, 2] }],
    ['shape', { shape: [2, 4, 3, 0] }],
    ['shape', { shape: [2, 4, 3] as never }],
    ['noise', { noise: new Float32Array(47) }],
    ['random', { random: undefined }],
    ["network's output", { network: { evaluate: (input) => Promise.resolve(input.slice()) } }],
    ["network's output", { network: { evaluate: () => Promise.resolve([] as never) } }],
  ])('a bad %s is refused by name', async (field, bad) => {
    const running = make('EulerEDMSampler').run({ network, shape, random, ...bad });
    await expect(running).rejects.toThrow(InvalidParameterError);
    await expect(running).rejects.toThrow(expect.objectContaining({ field }));
  });

  test('a list of levels of the caller’s own may be any that falls to 0, and no other', async () => {
    const parts = {
      sampler: dpmpp2m(),
      scaling: vScalingWithEDMcNoise,
      guider: identityGuider,
      plan: 'mine',
    };
    const sigmas = Float32Array.from([9, 2, 0.1, 0]);
    const latents = await runSampling({ ...parts, sigmas }, { network: networkOf(() => 0.5), shape, random });
    for (const value of latents) expect(value).toBeCloseTo(0.5, 4);
    const rising = runSampling({ ...parts, sigmas: sigmas.toReversed() }, { network, shape, random });
    await expect(rising).rejects.toThrow(expect.objectContaining({ code: 'invalid_schedule' }));
  });

  test('random numbers are not needed when nothing is drawn, and demanded before any evaluation when it is', async () => {
    const noise = new TorchRandom(1).randn(size);
    await make('HeunEDMSampler').run({ network, shape, noise });
    let evaluations = 0;
    const counting: Network = {
      evaluate: (...args) => {
        evaluations++;
        return network.evaluate(...args);
      },
    };
    await expect(make('EulerAncestralSampler').run({ network: counting, shape, noise })).rejects.toThrow(
      'random',
    );
    expect(evaluations).toBe(0);
  });

  test('is not changed, and runs of one sampling do not disturb each other', async () => {
    const noise = new TorchRandom(1).randn(size);
    const kept = noise.slice();
    const run = make('LinearMultistepSampler');
    const one = await run.run({ network, shape, noise });
    const [a, b] = await Promise.all([
      run.run({ network, shape, noise }),
      run.run({ network, shape, noise }),
    ]);
    expect([a, b]).toEqual([one, one]);
    expect(noise).toEqual(kept);
  });
});

describe('memory', () => {
  /** Arrays of the latents' size made by samplers during a run. */
  async function allocations(sampler: (typeof SAMPLERS)[number][1], steps: number): Promise<number> {
    const raw = new Float32Array(2 * size);
    const run = make(sampler, steps);
    const random = new TorchRandom(2);
    const Original = globalThis.Float32Array;
    let made = 0;
    globalThis.Float32Array = new Proxy(Original, {
      construct: (target, args: [number]) => {
        if (args[0] === size) made++;
        return new target(...args);
      },
    });
    try {
      await run.run({ network: { evaluate: () => Promise.resolve(raw) }, shape, random });
    } finally {
      globalThis.Float32Array = Original;
    }
    return made;
  }

  test.each(SAMPLERS)('of %s does not grow with the number of steps', async (_name, sampler) => {
    const few = await allocations(sampler, 6);
    expect(few).toBeGreaterThanOrEqual(3);
    expect(few).toBeLessThanOrEqual(7);
    expect(await allocations(sampler, 40)).toBe(few);
  });

  test('the network reads one input buffer throughout', async () => {
    const inputs = new Set<Float32Array>();
    const watching: Network = {
      evaluate: (input, ...rest) => {
        inputs.add(input);
        return network.evaluate(input, ...rest);
      },
    };
    await make('HeunEDMSampler').run({ network: watching, shape, random: new TorchRandom(1) });
    expect(inputs.size).toBe(1);
  });
});
