import { z } from 'zod';
import { TASK_KINDS, TASK_STATUSES } from '../tasks/task.js';

const time = z.string().nullable();
const link = z.string().nullable();

const video = z.object({
  url: z.string(),
  thumbnail_url: z.string(),
  gif_url: link.describe('Null where no GIF was asked for'),
  seed: z.number().int(),
  frames: z.number().int(),
  bytes: z.number().int(),
});

const source = z
  .object({
    type: z.string().describe('`prompt`, `image_url`, `upload` or `story`'),
    name: z.string().optional().describe('Of an uploaded file, where it has one'),
    placeholder: z.boolean().optional().describe('True where the picture only stands in for a provider’s'),
  })
  .catchall(z.unknown());

/** The wire form of a task (`TaskView`). */
export const taskSchema = z
  .object({
    id: z.string().regex(/^[0-9a-f]{32}$/),
    status: z.enum(TASK_STATUSES),
    start_time: time.describe('UTC, `YYYY-MM-DD HH:MM:SS`; null until the task runs'),
    end_time: time.describe('UTC; null unless completed'),
    video_url: link.describe('Relative to the service’s address; null unless completed'),
    thumbnail_url: link,
    grid_url: link.describe('The variations side by side'),
    preview_url: link.describe('A small moving picture while the task is sampled'),
    picture_url: link.describe('Where a picture alone was asked for'),
    videos: z.array(video).describe('The variations'),
    stage: z.string().nullable().describe('`image`, `waiting`, `encode`, `sample`, `decode` or `write`'),
    step: z.number().int().nullable(),
    steps: z.number().int().nullable().describe('Steps of the stage'),
    part: z.number().int().nullable().describe('Which variation or scene is being made, from 1'),
    parts: z
      .number()
      .int()
      .nullable()
      .describe('How many of them there are; null unless a device is at work'),
    progress: z.number().min(0).max(1).describe('Over the whole task'),
    queue_position: z.number().int().nullable().describe('1 is next'),
    eta_seconds: z.number().int().nullable(),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable().describe('However the task ended'),
    source,
    params: z
      .record(z.string(), z.unknown())
      .describe('Every resolved value; those of a clip may be posted again as they are'),
    seed: z.number().int(),
    model: z.string(),
    kind: z.enum(TASK_KINDS),
    api: z.string().describe('The API in which the task was asked for'),
    evaluations: z
      .object({ full: z.number().int(), shallow: z.number().int() })
      .nullable()
      .describe('Of the whole network, and of its outer part alone; null until completed'),
    warnings: z.array(z.string()),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .catchall(z.unknown())
  .meta({ id: 'Task', description: 'A task: its first six fields are those of the img2vid API' });

/** The wire form of a task in the tasks API (`TaskJson`). */
export const taskWithUrlsSchema = taskSchema
  .extend({
    urls: z
      .object({
        get: z.string(),
        events: z.string(),
        cancel: z.string(),
        rerun: z.string(),
        video: link,
        thumbnail: link,
        grid: link,
        preview: link,
        picture: link,
      })
      .catchall(z.unknown()),
  })
  .meta({ id: 'TaskWithUrls', description: 'A task with the addresses of all that belongs to it' });

/** The body of an error in the APIs of our own. */
export const errorSchema = z
  .object({
    error: z.string().describe('The class of the error'),
    message: z.string(),
    field: z.string().optional().describe('The field at fault'),
    allowed: z.unknown().optional().describe('What it may be'),
    code: z.string().optional().describe('Stable; in the tasks API'),
  })
  .catchall(z.unknown())
  .meta({ id: 'Error' });
