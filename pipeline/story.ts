import { join } from 'node:path';
import { tooLarge, type ClipContext } from './clip.js';
import type { ClipResult } from './clip-job.js';
import { StageClock } from './clip-stages.js';
import { isOutOfMemory } from './device-errors.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import { fitPicture, writePng } from './picture.js';
import { AnimatedScenes } from './story-animation.js';
import type { StoryJob } from './story-job.js';
import { holdStill, joinScenes } from './story-frames.js';
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
  const onAbort = (): void => stop.abort(context.signal.reason);
  context.signal.addEventListener('abort', onAbort);
  const animated = params.clip
    ? new AnimatedScenes(job, params.clip, { context: { ...context, signal: stop.signal }, memory, clock })
    : undefined;
  const frames = joinScenes(animated?.scenes() ?? stillScenes(job), params.transition_frames);
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
        if (animated) return; // its scenes tell how far they are
        clock.enter('write');
        context.onProgress({
          stage: 'write',
          part: 1,
          parts: 1,
          step: f + 1,
          steps: count,
          progress: (f + 1) / count,
        });
      },
    });
    const video = { file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: params.seed, frames: count };
    const resumedSteps = animated?.resumedSteps ?? 0;
    return {
      videos: [{ ...video, bytes }],
      warnings: memory.warnings,
      ...(animated === undefined ? {} : { evaluations: animated.evaluations }),
      milliseconds: clock.stop(),
      ...(resumedSteps > 0 ? { resumedSteps } : {}),
    };
  } catch (error) {
    throw params.clip && isOutOfMemory(error) ? tooLarge(params.clip, clock.stage, error) : error;
  } finally {
    // A scene that is being sampled is let go before the device is another job's.
    stop.abort();
    context.signal.removeEventListener('abort', onAbort);
    await frames.return().catch(() => undefined);
  }
}

function* stillScenes({ pictures, params }: StoryJob): Generator<AsyncIterable<Uint8Array>> {
  const { W, H, frames_per_scene } = params;
  for (const picture of pictures) {
    yield holdStill(async () => (await fitPicture(picture, W, H)).rgb, frames_per_scene);
  }
}
