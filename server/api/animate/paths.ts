import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { faultSchema } from '../fastapi-errors.js';
import { animateAnswer } from './answer.js';
import { animateRequest } from './request.js';

const tags = ['animate'];
const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const detail = z.object({ detail: z.string() });

/** The animate API as OpenAPI describes it. */
export const animatePaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  {
    method: 'post',
    path: '/gpu/animate',
    tags,
    summary: 'Animates a picture and answers with the GIF',
    request: { body: { required: true, content: json(animateRequest(manifest)) } },
    responses: {
      200: { description: 'The animation', content: json(animateAnswer) },
      400: { description: 'The picture is not valid, or the animation failed', content: json(detail) },
      413: { description: 'The body is too large', content: json(detail) },
      422: {
        description: 'Fields that are not valid',
        content: json(z.object({ detail: z.array(faultSchema) })),
      },
      429: { description: 'The queue is full', content: json(detail) },
      500: { description: 'The default picture is not there', content: json(detail) },
      504: {
        description: 'Not finished yet; the task goes on',
        content: json(detail.extend({ task_id: z.string(), status_url: z.string() })),
      },
    },
  },
  {
    method: 'get',
    path: '/ping',
    tags,
    summary: 'Says that requests are taken',
    responses: { 200: { description: 'Healthy', content: json(z.object({ status: z.literal('healthy') })) } },
  },
];
