import type { Context } from 'koa';
import { storyFrames } from '../../../pipeline/story-plan.js';
import { ServiceError } from '../../errors.js';
import { sendFile } from '../../media/send-file.js';
import type { MediaStorage } from '../../media/storage.js';
import type { Task } from '../../tasks/task.js';
import type { AskedStory, PictureRequest, VideoRequest } from './request.js';
import { hasHero } from './request.js';

/** A number as Python writes a float: always with a decimal point. */
export const pythonFloat = (x: number): string => (Number.isInteger(x) ? `${x}.0` : String(x));

/** Seconds that the original says a scene takes to generate. */
const SECONDS_PER_SCENE = 5;

/** Answers POST /generate-video/info. JSON of JavaScript has no `10.0`, and clients that read a float look for one. */
export function sendInfo(ctx: Context, { request, plan }: AskedStory): void {
  const { scenes, transition_frames, fps, width, height } = request;
  const text = JSON.stringify({
    scenes_count: scenes.length,
    frames_per_scene: plan.framesPerScene,
    transition_frames,
    total_frames: plan.totalFrames,
    total_duration_seconds: plan.totalSeconds,
    fps,
    resolution: `${width}x${height}`,
    estimated_generation_time_seconds: scenes.length * SECONDS_PER_SCENE,
  });
  ctx.type = 'json';
  ctx.body = text.replace(/(?<="total_duration_seconds":)[^,]+/, pythonFloat(plan.totalSeconds));
}

/** Answers with the video of a completed task, and says of it what its clients know. */
export async function sendVideo(ctx: Context, storage: MediaStorage, task: Task): Promise<void> {
  if (task.kind !== 'story') throw new Error(`Expected a story, got a ${task.kind}`);
  const { source, params, origin } = task;
  const count = source.scenes.length;
  await sendAs(ctx, storage, task, task.result?.videos[0]?.file, `video_${uuidOf(task.id)}.mp4`);
  ctx.set({
    'X-Video-Scenes': String(count),
    'X-Video-Duration': pythonFloat(storyFrames(count, params) / params.fps),
    'X-Video-FPS': String(params.fps),
    'X-Hero-Used': String(hasHero(origin.request as unknown as VideoRequest)),
  });
}

/** Answers with the picture of a completed task, as a file or as base64 within JSON, whichever was asked for. */
export async function sendPicture(ctx: Context, storage: MediaStorage, task: Task): Promise<void> {
  const file = task.result?.picture;
  const request = task.origin.request as unknown as PictureRequest;
  if (!request.return_base64) {
    await sendAs(ctx, storage, task, file, `${uuidOf(task.id)}.png`);
    return;
  }
  const picture = file === undefined ? undefined : await storage.read(storage.file(task.id, file));
  if (!picture) throw fileGone();
  ctx.body = {
    success: true,
    prompt: request.prompt,
    steps: request.num_inference_steps,
    image_base64: picture.toString('base64'),
    format: 'png',
  };
}

async function sendAs(
  ctx: Context,
  storage: MediaStorage,
  { id }: Task,
  file: string | undefined,
  name: string,
): Promise<void> {
  const sent = file !== undefined && (await sendFile(ctx, storage, storage.file(id, file), { saveAs: id }));
  if (!sent) throw fileGone();
  ctx.set('Content-Disposition', `attachment; filename="${name}"`);
}

const fileGone = (): ServiceError => new ServiceError(410, 'file_gone', 'The result has been deleted');

/** A task's id in the form in which UUIDs are written. */
const uuidOf = (id: string): string => id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
