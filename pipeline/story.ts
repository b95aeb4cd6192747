import { join } from 'node:path';
import type { Sampling } from '../samplers/index.js';
import { prepareSampling, sampleLatents, tooLarge, type ClipContext, type Report } from './clip.js';
import type { ClipResult } from './clip-job.js';
import type { ClipParams } from './clip-params.js';
import { shareDone, StageClock } from './clip-stages.js';
import { decodeFrames } from './decode.js';
import { isOutOfMemory } from './device-errors.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import { fitPicture, toTensor, writePng } from './picture.js';
import type { StoryJob } from './story-job.js';
import { fitFrames, holdStill, joinScenes } from './story-frames.js';
import { storyFrames } from './story-plan.js';
import { writeVideo } from './video-file.js';

/** The encoder waits for each scene's sampling; the limit of the whole is the caller's. */
const NO_LIMIT_MS = 2 ** 31 - 1;

/**
 * Makes a story's video in the job's folder: the scenes' pictures, held still or animated one after the other, with
 * crossfades between them. Frames go to the encoder as they are made, so that few of them are in memory at a time.
 *
 * @throws PipelineError as `runClip` does
 */
export async function runStory(job: StoryJob, context: ClipContext): Promise<ClipResult> {
  const { params, folder, pictures } = job;
  const count = storyFrames(pictures.length, params);
  const clock = new StageClock();
  const memory = new MemoryFallbacks(context.model.halfBatch);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const scenes = params.clip
    ? animatedScenes(job, params.clip, { ...context, signal }, memory, clock)
    : stillScenes(job);
  const frames = joinScenes(scenes, params.transition_frames);
  try {
    const { bytes } = await writeVideo({
      ffmpeg: context.ffmpeg.path,
      frames,
      width: params.W,
      height: params.H,
      fps: params.fps,
      count,
      target: join(folder, 'video-0.mp4'),
      signal: context.signal,
      timeoutMs: NO_LIMIT_MS,
      onFrame: async (rgb, f) => {
        if (f === 0)
          await writePng({ rgb, width: params.W, height: params.H }, join(folder, 'thumbnail-0.png'));
        if (params.clip) return; // its scenes tell how far they are
        clock.enter('write');
        context.onProgress({ stage: 'write', step: f + 1, steps: count, progress: (f + 1) / count });
      },
    });
    const video = { file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: params.seed, frames: count };
    return { videos: [{ ...video, bytes }], warnings: memory.warnings, milliseconds: clock.stop() };
  } catch (error) {
    throw params.clip && isOutOfMemory(error) ? tooLarge(params.clip, clock.stage, error) : error;
  } finally {
    // A scene that is being sampled is let go before the device is another job's.
    stop.abort();
    await frames.return().catch(() => undefined);
  }
}

function* stillScenes({ pictures, params }: StoryJob): Generator<AsyncIterable<Uint8Array>> {
  const { W, H, frames_per_scene } = params;
  for (const picture of pictures) {
    yield holdStill(async () => (await fitPicture(picture, W, H)).rgb, frames_per_scene);
  }
}

function* animatedScenes(
  { pictures, params }: StoryJob,
  clip: ClipParams,
  context: ClipContext,
  memory: MemoryFallbacks,
  clock: StageClock,
): Generator<AsyncIterable<Uint8Array>> {
  const sampling = prepareSampling(clip, context.model);
  for (const [scene, picture] of pictures.entries()) {
    const report: Report = (stage, step, steps) => {
      clock.enter(stage);
      const progress = (scene + shareDone(stage, step, steps)) / pictures.length;
      context.onProgress({ stage, step, steps, progress });
    };
    const frames = clipFrames(
      { picture, params: clip, seed: params.seed + scene, sampling, memory, report },
      context,
    );
    yield fitFrames(frames, clip.T, params.frames_per_scene);
  }
}

interface SceneClip {
  /** Path of the picture. */
  readonly picture: string;
  readonly params: ClipParams;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly memory: MemoryFallbacks;
  readonly report: Report;
}

/** The frames of one clip, sampled when the first is asked for and then decoded as they are taken. */
async function* clipFrames(
  { picture, seed, ...clip }: SceneClip,
  context: ClipContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { params, memory, report } = clip;
  const { W, H, T, decoding_t, decoding_overlap: overlap } = params;
  const { channels, divisor } = context.model.manifest.latent;
  const shape = [T, channels, H / divisor, W / divisor] as const;
  const fitted = toTensor((await fitPicture(picture, W, H)).rgb);
  const latents = await sampleLatents({ ...clip, picture: fitted }, shape, seed, context);
  report('decode', 0, T);
  let decoded = 0;
  for await (const frame of decodeFrames(context.model, latents, shape, decoding_t, { overlap, memory })) {
    yield frame;
    report('decode', ++decoded, T);
  }
}
