import '../one-runtime.cjs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import sharp from 'sharp';
import type { ClipProgress } from '../../pipeline/clip-job.js';
import { findFfmpeg, type Ffmpeg } from '../../pipeline/ffmpeg.js';
import { loadModel, type Model } from '../../pipeline/model.js';
import { runStory } from '../../pipeline/story.js';
import { sceneClip } from '../../pipeline/story-clip.js';
import { blend } from '../../pipeline/story-frames.js';
import type { StoryParams } from '../../pipeline/story-job.js';
import { decodeVideo, difference } from '../end-to-end/video-facts.js';
import { tinyManifest, writeTinyModel } from './tiny/model-folder.js';
import { CUDA_OUT_OF_MEMORY, watch, type Feeds, type Watched } from './tiny/stand-in.js';

const [W, H] = [64, 64];
const COLOURS = ['#203060', '#c08040', '#40a060'];
const TIMING = { W, H, fps: 12, seed: 5, frames_per_scene: 8, transition_frames: 4 };
const still: StoryParams = { ...TIMING, clip: null };
const animated = (): StoryParams => ({
  ...TIMING,
  clip: sceneClip({ W, H, frames: 8, fps: 12, seed: 5 }, tinyManifest()).params,
});

let ffmpeg: Ffmpeg;
let pictures: string[];
const folder = mkdtempSync(join(tmpdir(), 'story-'));
const modelFolder = writeTinyModel();
beforeAll(async () => {
  ffmpeg = await findFfmpeg();
  pictures = await Promise.all(
    COLOURS.map(async (background, i) => {
      const path = join(folder, `${i}.png`);
      await sharp({ create: { width: 96, height: 64, channels: 3, background } }).toFile(path);
      return path;
    }),
  );
});
afterAll(() => [folder, modelFolder].forEach((path) => rmSync(path, { recursive: true })));

const real: Watched['open'] = (path, options) => InferenceSession.create(path, options);
const load = (watched: Watched): Promise<Model> => loadModel(modelFolder, 'cpu', { open: watched.open });

async function tell(
  params: StoryParams,
  { beforeRun, signal = new AbortController().signal }: { beforeRun?: (graph: string, feeds: Feeds) => void; signal?: AbortSignal } = {}, // prettier-ignore
) {
  const watched = watch(real, beforeRun);
  const model = await load(watched);
  const made = mkdtempSync(join(folder, 'job-'));
  const seen: ClipProgress[] = [];
  const onProgress = (progress: ClipProgress): void => void seen.push(progress);
  const job = { kind: 'story', id: 'a', pictures, params, folder: made } as const;
  const result = await runStory(job, { model, ffmpeg, signal, onProgress }).catch((error: unknown) => {
    return { error, files: readdir(made) };
  });
  return { result, made, seen, ...watched };
}
const frameOf = (colour: string): Promise<Uint8Array> =>
  sharp({ create: { width: W, height: H, channels: 3, background: colour } })
    .raw()
    .toBuffer();

describe('a story of stills', () => {
  test('holds each picture for its frames, and fades from one to the next as the formula says', async () => {
    const { result, made, seen, events } = await tell(still);
    expect(result).toMatchObject({
      videos: [{ file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: 5, frames: 32 }],
      warnings: [],
    });
    expect(await readdir(made)).toEqual(['thumbnail-0.png', 'video-0.mp4']);
    const frames = await decodeVideo(join(made, 'video-0.mp4'), W, H);
    expect(frames).toHaveLength(32);
    const [a, b, c] = await Promise.all(COLOURS.map(frameOf));
    const expected = [
      ...Array<Uint8Array>(8).fill(a),
      ...[0, 1, 2, 3].map((i) => blend(a, b, i, 4)),
      ...Array<Uint8Array>(8).fill(b),
      ...[0, 1, 2, 3].map((i) => blend(b, c, i, 4)),
      ...Array<Uint8Array>(8).fill(c),
    ];
    // What the codec may add; one step of either crossfade is at least 16 levels.
    frames.forEach((frame, f) => expect(difference(frame, expected[f])).toBeLessThan(3));
    expect(events.filter((event) => event.startsWith('run'))).toEqual([]);
    expect(seen.map(({ step }) => step)).toEqual(Array.from({ length: 32 }, (_, f) => f + 1));
    expect(seen.at(-1)).toEqual({ stage: 'write', part: 1, parts: 1, step: 32, steps: 32, progress: 1 });
    const thumbnail = sharp(join(made, 'thumbnail-0.png'));
    expect(difference(await thumbnail.removeAlpha().raw().toBuffer(), a)).toBe(0);
  });

  test('that is cancelled ends with `cancelled` and leaves no video', async () => {
    const { result } = await tell(still, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ error: { code: 'cancelled' } });
    expect(await (result as unknown as { files: Promise<string[]> }).files).toEqual([]);
  });
});

describe('an animated story', () => {
  test('samples a clip for each scene, with a seed of its own, when its turn comes', async () => {
    const { result, made, seen, runs, events } = await tell(animated());
    expect(result).toMatchObject({ videos: [{ frames: 32, seed: 5 }] });
    expect(await decodeVideo(join(made, 'video-0.mp4'), W, H)).toHaveLength(32);
    const first = events.filter((event) => event.startsWith('run'));
    const perScene = first.length / 3;
    expect(first.slice(perScene, 2 * perScene)).toEqual(first.slice(0, perScene));
    const starts = runs
      .filter(({ graph }) => graph === 'unet')
      .filter((_, i, all) => i % (all.length / 3) === 0)
      .map(({ feeds }) => (feeds.sample.data as Float32Array).slice(0, 50).join());
    expect(new Set(starts).size).toBe(3);
    const shares = seen.map(({ progress }) => progress);
    expect(shares).toEqual([...shares].sort((x, y) => x - y));
    for (const scene of [0, 1, 2]) {
      const within = seen.filter(({ progress: x }) => x > scene / 3 && x < (scene + 1) / 3);
      expect(new Set(within.map(({ part, parts }) => `${part}/${parts}`))).toEqual(
        new Set([`${scene + 1}/3`]),
      );
    }
  });

  test('is let go within one evaluation when it is cancelled', async () => {
    const abort = new AbortController();
    let evaluations = 0;
    const { result } = await tell(animated(), {
      signal: abort.signal,
      beforeRun: (graph) => {
        if (graph === 'unet' && ++evaluations === 2) abort.abort();
      },
    });
    expect(result).toMatchObject({ error: { code: 'cancelled' } });
    expect(evaluations).toBe(2);
  });

  test('that does not fit the device says so', async () => {
    const { result } = await tell(animated(), {
      beforeRun: (graph) => {
        if (graph === 'unet') throw new Error(CUDA_OUT_OF_MEMORY);
      },
    });
    expect(result).toMatchObject({
      error: { code: 'out_of_memory', message: expect.stringMatching(/5 frames of 64×64/) },
    });
  });
});
