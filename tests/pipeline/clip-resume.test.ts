import '../one-runtime.cjs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession } from 'onnxruntime-node';
import { runClip } from '../../pipeline/clip.js';
import type { ClipNote, ClipProgress } from '../../pipeline/clip-job.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import { findFfmpeg, type Ffmpeg } from '../../pipeline/ffmpeg.js';
import { loadModel } from '../../pipeline/model.js';
import { decodeVideo } from '../end-to-end/video-facts.js';
import { tinyManifest, writeTinyModel } from './tiny/model-folder.js';
import { watch, type Feeds } from './tiny/stand-in.js';

const pictureOf = (name: string): string => fileURLToPath(new URL(`../data/${name}`, import.meta.url));
const STEPS = 6;

let ffmpeg: Ffmpeg;
const model = writeTinyModel();
const otherModel = writeTinyModel({}, { version: 'another' });
const made = mkdtempSync(join(tmpdir(), 'resumed-'));
const newFolder = (): string => mkdtempSync(join(made, 'folder-'));
beforeAll(async () => {
  ffmpeg = await findFfmpeg();
});
afterAll(() => [model, otherModel, made].forEach((folder) => rmSync(folder, { recursive: true })));

interface Attempt {
  readonly fields?: Record<string, string | number>;
  readonly checkpoints?: string;
  /** Ends the attempt at the n-th run of a graph, as a death of its process does. */
  readonly dies?: readonly [graph: string, run: number];
  readonly model?: string;
  readonly picture?: string;
}

const WHENEVER_ASKED = { due: true, spend: (save: () => Promise<void>) => save() };

/** One attempt at a clip, with a model of its own as a process has it. */
async function attempt({ fields, checkpoints, dies, ...from }: Attempt = {}) {
  const runs: Record<string, number> = {};
  const watched = watch(
    (path, options) => InferenceSession.create(path, options),
    (graph) => {
      runs[graph] = (runs[graph] ?? 0) + 1;
      if (dies && graph === dies[0] && runs[graph] === dies[1]) throw new Error('killed');
    },
  );
  const loaded = await loadModel(from.model ?? model, 'cpu', { open: watched.open });
  const folder = newFolder();
  const notes: ClipNote[] = [];
  const progress: ClipProgress[] = [];
  const { params } = resolveClip({ seed: 11, steps: STEPS, ...fields }, tinyManifest());
  const picture = from.picture ?? pictureOf('rocket.jpg');
  const running = runClip(
    { id: 'job', picture, params, folder, ...(checkpoints === undefined ? {} : { checkpoints }) },
    {
      model: loaded,
      ffmpeg,
      signal: new AbortController().signal,
      onProgress: (at) => progress.push(at),
      onNote: (note) => notes.push(note),
      budget: WHENEVER_ASKED,
    },
  );
  const outcome = await running.catch((error: Error) => error.message);
  const latents = watched.runs
    .filter(({ graph }) => graph === 'vae-decoder')
    .map(({ feeds }) => values(feeds));
  return { folder, outcome, notes, progress, latents, evaluations: runs.unet ?? 0 };
}

const values = (feeds: Feeds): unknown => Object.values(feeds).map(({ data }) => data);

async function files(folder: string, names: readonly string[]): Promise<readonly Buffer[]> {
  return Promise.all(names.map((name) => readFile(join(folder, name))));
}

describe('a clip whose process died while it was sampled', () => {
  test.each([
    ['EulerEDMSampler', { s_churn: 5 }, 4, 3],
    ['HeunEDMSampler', {}, 6, 2],
    ['EulerAncestralSampler', {}, 5, 4],
    ['DPMPP2SAncestralSampler', {}, 4, 1],
    ['DPMPP2MSampler', {}, 4, 3],
    ['LinearMultistepSampler', { order: 4 }, 6, 5],
  ])('goes on after its last step with %s, and is the same to the bit', async (sampler, more, at, done) => {
    const fields = { sampler, ...more };
    const whole = await attempt({ fields });
    const checkpoints = newFolder();
    const first = await attempt({ fields, checkpoints, dies: ['unet', at] });
    expect(first.outcome).toBe('killed');
    const second = await attempt({ fields, checkpoints });
    expect(second.outcome).toMatchObject({ resumedSteps: done, warnings: [] });
    expect(second.notes).toEqual([
      { level: 'info', message: 'clip resumed', details: { variation: 0, step: done } },
    ]);
    expect(second.progress.find(({ stage }) => stage === 'sample')).toMatchObject({ step: done });
    expect(second.evaluations).toBeLessThan(whole.evaluations);
    expect(second.latents).toEqual(whole.latents);
    const names = ['video-0.mp4', 'thumbnail-0.png'];
    expect(await files(second.folder, names)).toEqual(await files(whole.folder, names));
    expect(await decodeVideo(join(second.folder, 'video-0.mp4'), 64, 64)).toHaveLength(5);
  });

  test('goes on again and again, whenever it dies', async () => {
    const whole = await attempt();
    const checkpoints = newFolder();
    for (let i = 0; i < STEPS; i++) {
      const died = await attempt({ checkpoints, dies: ['unet', 2] });
      if (typeof died.outcome !== 'string') break; // one step an attempt
    }
    const last = await attempt({ checkpoints });
    expect(last.evaluations).toBe(0);
    expect(last.latents).toEqual(whole.latents);
  });

  test('is only decoded again when it died after its last step', async () => {
    const whole = await attempt();
    const checkpoints = newFolder();
    expect((await attempt({ checkpoints, dies: ['vae-decoder', 2] })).outcome).toBe('killed');
    const second = await attempt({ checkpoints });
    expect(second.evaluations).toBe(0);
    expect(second.outcome).toMatchObject({ resumedSteps: STEPS });
    expect(second.latents).toEqual(whole.latents);
  });

  test('keeps the variations it had sampled', async () => {
    const fields = { num_cols: 3 };
    const whole = await attempt({ fields });
    const checkpoints = newFolder();
    await attempt({ fields, checkpoints, dies: ['unet', STEPS + 4] });
    const second = await attempt({ fields, checkpoints });
    expect(second.evaluations).toBe(2 * STEPS - 3);
    expect(second.outcome).toMatchObject({ resumedSteps: STEPS + 3 });
    const names = ['video-0.mp4', 'video-1.mp4', 'video-2.mp4', 'grid.mp4'];
    expect(await files(second.folder, names)).toEqual(await files(whole.folder, names));
  });
});

describe('a checkpoint that does not fit', () => {
  /** A folder with the checkpoint of a clip that died after three steps. */
  const interrupted = async (): Promise<string> => {
    const checkpoints = newFolder();
    await attempt({ checkpoints, dies: ['unet', 4] });
    return checkpoints;
  };
  const expectAnew = ({ outcome, notes, evaluations }: Awaited<ReturnType<typeof attempt>>): void => {
    expect(outcome).toMatchObject({ warnings: [] });
    expect(outcome).not.toHaveProperty('resumedSteps');
    expect(evaluations).toBe(STEPS);
    expect(notes).toEqual([
      {
        level: 'warn',
        message: 'checkpoint ignored, the variation begins anew',
        details: { variation: 0, reason: expect.any(String) },
      },
    ]);
  };

  test.each<[string, Attempt]>([
    ['another seed', { fields: { seed: 12 } }],
    ['another fps', { fields: { fps: 9 } }],
    ['another picture', { picture: pictureOf('coffee.png') }],
    ['another version of the model', { model: otherModel }],
  ])('since it is of %s is told of, and the clip begins anew', async (_what, from) => {
    expectAnew(await attempt({ checkpoints: await interrupted(), ...from }));
  });

  test('since it is damaged is told of, and the clip begins anew', async () => {
    const checkpoints = await interrupted();
    const path = join(checkpoints, 'variation-0.checkpoint');
    await writeFile(path, (await readFile(path)).subarray(0, 1000));
    expectAnew(await attempt({ checkpoints }));
  });
});

test('a folder that takes no checkpoints is told of once, and the clip is made', async () => {
  const nowhere = join(newFolder(), 'missing');
  const { outcome, notes } = await attempt({ checkpoints: nowhere });
  expect(outcome).toMatchObject({ warnings: [] });
  expect(notes).toEqual([
    {
      level: 'warn',
      message: 'checkpoint cannot be saved, the clip goes on without',
      details: { variation: 0, reason: expect.stringContaining('ENOENT') },
    },
  ]);
});
