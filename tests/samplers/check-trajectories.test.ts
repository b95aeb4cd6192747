import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkTrajectories, type Trajectory } from '../../scripts/check-trajectories.js';

const golden = JSON.parse(readFileSync('tests/data/samplers/trajectories.json', 'utf8')) as {
  cases: Trajectory[];
};
const first = golden.cases[3];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trajectories-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, `${Math.random()}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function check(...paths: string[]): Promise<{ status: number; lines: string[] }> {
  const lines: string[] = [];
  return { status: await checkTrajectories(paths, (line) => lines.push(line)), lines };
}

describe('check-trajectories', () => {
  test('prints each case with its deviation and a summary last, and answers 0 when all agree', async () => {
    const { status, lines } = await check(
      file({ cases: golden.cases.slice(0, 2) }),
      file({ cases: [first] }),
    );
    expect(status).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^dev-000 {2}\S+e-\d+ {2}ok$/),
      expect.stringMatching(/^dev-001 {2}\S+e-\d+ {2}ok$/),
      expect.stringMatching(/^dev-003 {2}\S+e-\d+ {2}ok$/),
      expect.stringContaining('3 of 3 cases within tolerance'),
    ]);
  });

  test('answers 1 when a case is beyond tolerance, and says which', async () => {
    const wrong = { ...first, output: first.output.map((value) => value * 1.001) };
    const { status, lines } = await check(file({ cases: [first, wrong] }));
    expect(status).toBe(1);
    expect(lines[1]).toContain('FAILED: output is off');
    expect(lines[2]).toContain('1 of 2');
  });

  test.each<[string, () => unknown, RegExp]>([
    ['no JSON', () => '{', /JSON/],
    ['no cases', () => ({ cases: [] }), /cases/],
    ['a missing field', () => ({ cases: [{ ...first, sigmas: undefined }] }), /sigmas/],
    [
      'noise of the wrong size',
      () => ({ cases: [{ ...first, shape: [3, 4, 3, 5] }] }),
      /dev-003.*inputs\.noise/,
    ],
    [
      'an unknown sampler',
      () => ({ cases: [{ ...first, sampler: { name: 'Magic' } }] }),
      /dev-003.*`sampler`/,
    ],
    [
      'an unknown parameter',
      () => ({ cases: [{ ...first, discretization: { ...first.discretization, sgima: 1 } }] }),
      /dev-003.*`sgima`/,
    ],
  ])('answers 2 with a clear message for %s', async (_what, content, message) => {
    const { status, lines } = await check(file(content()));
    expect(status).toBe(2);
    expect(lines.join()).toMatch(message);
  });

  test('answers 2 for a file that is not there and for no file at all', async () => {
    expect((await check(join(folder, 'none'))).status).toBe(2);
    expect(await check()).toEqual({ status: 2, lines: [expect.stringContaining('Usage')] });
  });
});
