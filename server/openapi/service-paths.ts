import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { clipSchema } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { answer, errors } from './route-parts.js';

const SERVICE: Pick<RouteConfig, 'tags' | 'method'> = { tags: ['service'], method: 'get' };

export const estimateSchema = z.object({
  params: z.record(z.string(), z.union([z.number(), z.string()])),
  warnings: z.array(z.string()),
  evaluations: z.number().int().describe('Of the network'),
  full: z.number().int().describe('Those of the whole network'),
  shallow: z.number().int().describe('Those of its outer part alone'),
  seconds: z.number().nullable().describe('Null while nothing tells how long clips take'),
  wait_seconds: z.number().nullable().describe('Before a device is free'),
  memory_bytes: z
    .number()
    .nullable()
    .describe('At the most, on the device; null where it is not known for the model'),
});
const readiness = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });

/** What there is to know of the service itself. */
export const servicePaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  {
    ...SERVICE,
    path: '/parameters',
    summary:
      'What a form for a clip is made of: fields with ranges and defaults, presets, components and their parameters',
    responses: { 200: answer('Of the loaded model', z.record(z.string(), z.unknown())) },
  },
  {
    ...SERVICE,
    method: 'post',
    path: '/estimate',
    summary: 'Check the parameters of a clip, and say what it would cost, without making it',
    request: { body: { content: { 'application/json': { schema: clipSchema(manifest) } } } },
    responses: { 200: answer('What to expect', estimateSchema), ...errors(400) },
  },
  {
    ...SERVICE,
    path: '/health',
    summary: 'The model, the device and the state of the workers',
    responses: { 200: answer('The service answers', z.object({ status: z.string() }).catchall(z.unknown())) },
  },
  {
    ...SERVICE,
    path: '/ready',
    summary: 'Whether a task that comes now will be kept and worked on',
    responses: { 200: answer('It will', readiness), 503: answer('It will not, and why', readiness) },
  },
  {
    ...SERVICE,
    path: '/metrics',
    summary: 'What the service counts and measures, for Prometheus',
    responses: {
      200: { description: 'The text form of Prometheus', content: { 'text/plain': { schema: z.string() } } },
    },
  },
  {
    ...SERVICE,
    path: '/openapi.json',
    summary: 'This document',
    responses: { 200: answer('OpenAPI 3.1', z.object({ openapi: z.string() }).catchall(z.unknown())) },
  },
];
