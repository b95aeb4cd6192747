import { z } from 'zod';
import { ServiceError } from '../../errors.js';
import type { MediaStorage } from '../../media/storage.js';
import type { Task } from '../../tasks/task.js';
import { invalidInput, type AnimateOrigin } from './propose.js';

/** What POST /gpu/animate answers, its fields in this order. */
export const animateAnswer = z.object({
  status: z.literal('success'),
  video_base64: z.string().describe('The animated GIF in base64; it loops for ever'),
  video_mime_type: z.literal('image/gif'),
  preview_image_base64: z.string().describe('The first frame in base64'),
  preview_image_mime_type: z.literal('image/png'),
  model: z.string().describe('The model that is loaded, by its name'),
  input_width: z.int().describe('Size of the picture before it was stretched'),
  input_height: z.int(),
  render_width: z.int().describe('Size of the frames'),
  render_height: z.int(),
  num_frames: z.int().describe('Frames that were made'),
  num_steps: z.int(),
  motion_bucket_id: z.number(),
  noise_aug_strength: z.number(),
  fps: z.int().describe('At most 25; each frame is shown for int(1000 / fps) milliseconds, in hundredths'),
  seed: z.int().nullable().describe('As it was given'),
  timestamp: z.string().describe('When it was done: local time with microseconds, without a zone'),
});
export type AnimateAnswer = z.infer<typeof animateAnswer>;

/** 400, as the original answers whatever keeps a picture from being animated. */
export const animationFailed = (why: string): ServiceError =>
  new ServiceError(400, 'animation_failed', `Animation failed: ${why}`);

/** The answer for a task that has ended. @throws ServiceError 400 where it failed or its files are gone */
export async function answerAnimation(task: Task, storage: MediaStorage): Promise<AnimateAnswer> {
  const { error, result } = task;
  if (error?.code === 'invalid_picture') throw invalidInput(new ServiceError(400, error.code, error.message));
  if (error) throw animationFailed(error.message);
  const [video] = result?.videos ?? [];
  if (task.kind !== 'clip' || video?.gif === undefined) throw animationFailed('no GIF was made');
  const { params } = task;
  const [gif, preview] = await Promise.all(
    [video.gif, video.thumbnail].map((name) => readBase64(storage, task.id, name)),
  );
  const origin = task.origin.request as unknown as AnimateOrigin;
  return {
    status: 'success',
    video_base64: gif,
    video_mime_type: 'image/gif',
    preview_image_base64: preview,
    preview_image_mime_type: 'image/png',
    model: task.model,
    input_width: origin.input_width,
    input_height: origin.input_height,
    render_width: params.W,
    render_height: params.H,
    num_frames: video.frames,
    num_steps: params.steps,
    motion_bucket_id: params.motion_bucket_id,
    noise_aug_strength: params.cond_aug,
    fps: params.fps,
    seed: origin.seed,
    timestamp: localTime(task.endedAt ?? Date.now()),
  };
}

async function readBase64(storage: MediaStorage, id: string, name: string): Promise<string> {
  const bytes = await storage.read(storage.file(id, name));
  if (!bytes) throw animationFailed('its files were deleted');
  return bytes.toString('base64');
}

/** Python's `datetime.now().isoformat()`: local, to the microsecond, without a zone. */
function localTime(ms: number): string {
  const offset = new Date(ms).getTimezoneOffset() * 60_000;
  return `${new Date(ms - offset).toISOString().slice(0, -1)}000`;
}
