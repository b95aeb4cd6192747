import { describe, expect, test } from '@jest/globals';
import { readTrajectories, replay, type Trajectory } from '../../scripts/check-trajectories.js';

const cases = readTrajectories('tests/data/samplers/trajectories.json');
/** Other guiders, quantised sigmas, 1 to 99 steps, one frame. */
const moreCases = readTrajectories('tests/data/samplers/more-trajectories.json');
const named = (id: string): Trajectory => cases.find((c) => c.id === id)!;

describe('recorded runs of the reference', () => {
  test.each(
    [...cases, ...moreCases].map(
      (c) => [c.id, c.sampler.name, c.discretization.name, c.guider.name, c.steps, c] as const,
    ),
  )(
    '%s: %s, %s, %s, %i steps give the same sigmas, evaluations, draws and latents',
    async (_id, _sampler, _discretization, _guider, _steps, c) => {
      expect((await replay(c)).faults).toEqual([]);
    },
  );

  test('all 36 and 15 more are replayed', () => {
    expect(cases).toHaveLength(36);
    expect(moreCases).toHaveLength(15);
  });
});

describe('a replay notices', () => {
  const c = named('dev-004');

  test('latents that are off by a little more than the tolerance', async () => {
    const output = c.output.with(17, c.output[17] + 2.5e-4);
    expect((await replay({ ...c, output })).faults).toEqual([
      expect.stringContaining('output is off by 2.50e-4'),
    ]);
  });

  test('a noise level that is off by 2e-6 of itself', async () => {
    const sigmas = c.sigmas.with(20, c.sigmas[20] * (1 + 2e-6));
    expect((await replay({ ...c, sigmas })).faults).toEqual([expect.stringContaining('sigmas[20]')]);
  });

  test('an evaluation at another sigma, and one too many', async () => {
    const moved = c.denoiser_sigmas.with(9, c.denoiser_sigmas[9] * 1.00001);
    expect((await replay({ ...c, denoiser_sigmas: moved })).faults).toEqual([
      expect.stringContaining('denoiser_sigmas[9]'),
    ]);
    const fewer = c.denoiser_sigmas.slice(1);
    expect((await replay({ ...c, denoiser_sigmas: fewer })).faults).toEqual([
      '25 denoiser_sigmas instead of 24',
    ]);
  });

  test('a draw too many or too few', async () => {
    const more = [...c.step_noise, c.step_noise[0]];
    expect((await replay({ ...c, step_noise: more })).faults).toEqual(['13 draws instead of 14']);
    const { faults } = await replay({ ...c, step_noise: c.step_noise.slice(0, -1) });
    expect(faults).toContain('13 draws instead of 12');
  });

  test('another guidance scale, eta, churn or order', async () => {
    const changed = [
      { ...c, guider: { ...c.guider, max_cfg_scale: 3.01 } },
      { ...c, sampler: { ...c.sampler, s_noise: 1.004 } },
      { ...named('dev-012'), sampler: { ...named('dev-012').sampler, eta: 0.401 } },
      { ...named('dev-022'), sampler: { ...named('dev-022').sampler, order: 3 } },
    ];
    for (const other of changed) expect((await replay(other)).faults).not.toEqual([]);
  });
});
