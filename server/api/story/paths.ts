import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { answer, binary } from '../../openapi/route-parts.js';
import { taskWithUrlsSchema } from '../../openapi/task-schema.js';
import { faultSchema } from '../fastapi-errors.js';
import { pictureRequest, videoRequest } from './request.js';

const tags = ['story'];
const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const detail = z.object({ detail: z.string() });

const base64Answer = z.object({
  success: z.literal(true),
  prompt: z.string(),
  steps: z.number().int(),
  image_base64: z.string().describe('PNG'),
  format: z.literal('png'),
});

const infoAnswer = z.object({
  scenes_count: z.number().int(),
  frames_per_scene: z.number().int().describe('duration_per_scene × fps without its fraction'),
  transition_frames: z.number().int(),
  total_frames: z.number().int().describe('The transitions come on top of the scenes'),
  total_duration_seconds: z.number(),
  fps: z.number().int(),
  resolution: z.string().describe('width x height'),
  estimated_generation_time_seconds: z.number().int().describe('5 for each scene, whatever the device'),
});

const videoHeaders = z.object({
  'X-Video-Scenes': z.string(),
  'X-Video-Duration': z.string().describe('Seconds, always with a decimal point'),
  'X-Video-FPS': z.string(),
  'X-Hero-Used': z.enum(['true', 'false']),
});

const unprocessable = answer('Fields that are missing or wrong', z.object({ detail: z.array(faultSchema) }));
const fault = (description: string) => answer(description, detail);

const making = {
  202: answer('The task, where the client does not wait', taskWithUrlsSchema),
  422: unprocessable,
  500: fault('It could not be made: the text says why'),
  504: answer(
    'Not finished yet; the task goes on',
    detail.extend({ task_id: z.string(), status_url: z.string() }),
  ),
};

const tooFew = fault('At least 2 scenes required');
const route = (path: string, summary: string, schema: z.ZodType) => ({
  method: 'post' as const,
  path,
  tags,
  summary,
  request: { body: { required: true, content: json(schema) } },
});

/** The story API as OpenAPI describes it. */
export const storyPaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  {
    ...route('/generate', 'Makes a picture of a prompt', pictureRequest),
    responses: {
      ...making,
      200: {
        description: 'The picture',
        content: { 'image/png': { schema: binary() }, ...json(base64Answer) },
      },
    },
  },
  {
    ...route('/generate-video', 'Makes a video of several scenes with crossfades', videoRequest(manifest)),
    responses: {
      ...making,
      200: {
        description: 'The video',
        headers: videoHeaders,
        content: { 'video/mp4': { schema: binary() } },
      },
      400: tooFew,
      503: fault('Model not loaded yet: no worker can be used'),
    },
  },
  {
    ...route('/generate-video/info', 'Works out how long the video would be', videoRequest(manifest)),
    responses: {
      200: answer('Its frames and seconds', infoAnswer),
      400: tooFew,
      422: unprocessable,
    },
  },
];
