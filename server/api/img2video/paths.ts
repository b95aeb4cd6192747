import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { completeSchema, inProgressSchema, startedSchema } from './answers.js';
import { errorSchema, resultErrorSchema } from './errors.js';
import { img2videoFields } from './request.js';

const tags = ['img2video'];
const json = (schema: z.ZodType) => ({ 'application/json': { schema } });

const form = (manifest: ModelManifest) =>
  img2videoFields(manifest).extend({
    image: z.string().meta({ format: 'binary' }).describe('The picture: JPEG or PNG, at most 10 MB'),
  });

/** The img2video API as OpenAPI describes it. */
export const img2videoPaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  {
    method: 'post',
    path: '/api/img2video',
    tags,
    summary: 'Starts the generation of a video from a picture',
    request: { body: { required: true, content: { 'multipart/form-data': { schema: form(manifest) } } } },
    responses: {
      200: { description: 'Accepted', content: json(startedSchema) },
      400: { description: 'The picture or a field is not valid', content: json(errorSchema) },
      413: { description: 'The body is too large', content: json(errorSchema) },
      429: { description: 'The queue is full', content: json(errorSchema) },
    },
  },
  {
    method: 'get',
    path: '/api/img2video/result/{id}',
    tags,
    summary: 'How a generation stands',
    request: { params: z.object({ id: startedSchema.shape.id }) },
    responses: {
      200: { description: 'Complete', content: json(completeSchema) },
      202: { description: 'In progress', content: json(inProgressSchema) },
      404: { description: 'Unknown, or deleted', content: json(resultErrorSchema) },
      500: { description: 'The generation failed', content: json(resultErrorSchema) },
    },
  },
  {
    method: 'get',
    path: '/processed_videos/{name}',
    tags,
    summary: 'The video of a generation, whole or in ranges',
    request: { params: z.object({ name: z.string() }) },
    responses: {
      200: {
        description: 'The video',
        content: { 'video/mp4': { schema: z.string().meta({ format: 'binary' }) } },
      },
      404: { description: 'There is no such video', content: json(errorSchema) },
    },
  },
];
