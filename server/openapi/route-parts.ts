import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { errorSchema } from './task-schema.js';

type Responses = RouteConfig['responses'];
type Answer = Responses[string];
export type RequestBody = NonNullable<NonNullable<RouteConfig['request']>['body']>;

/** An answer in JSON. */
export const answer = (description: string, schema: z.ZodType): Answer => ({
  description,
  content: { 'application/json': { schema } },
});

/** The bytes of a file, in a form or as an answer. */
export const binary = (description?: string): z.ZodString =>
  z.string().meta({ format: 'binary', ...(description === undefined ? {} : { description }) });

const REASONS: Readonly<Record<number, string>> = {
  400: 'A field is wrong: the error names it',
  401: 'An access key is needed',
  404: 'There is no such task, or no file of it',
  409: 'It cannot be done now',
  413: 'The body is too large',
  415: 'The body is of another type',
  422: 'The request contradicts itself or an earlier one',
  429: 'Too many requests: `Retry-After` says when to come again',
  503: 'The service cannot take it now: `Retry-After` says when to come again',
  504: 'The time is up: the error says where to poll for the result',
};

/** The errors that a route may answer with, in the form of our own APIs. */
export const errors = (...statuses: readonly number[]): Responses =>
  Object.fromEntries(statuses.map((status) => [status, answer(REASONS[status], errorSchema)]));
