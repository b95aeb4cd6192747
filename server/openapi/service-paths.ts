import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { answer } from './route-parts.js';

const SERVICE: Pick<RouteConfig, 'tags' | 'method'> = { tags: ['service'], method: 'get' };

const readiness = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });

/** What there is to know of the service itself. */
export const servicePaths: readonly RouteConfig[] = [
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
