import { z } from 'zod';
import type { ApiCall } from './provider-api.js';

/** A finished job's pictures. */
export interface JobResult {
  /** The address of the job's main picture. */
  readonly main?: string | undefined;
  /** True where the main picture shows four, two by two. Told by the provider's fields, never by the picture's size. */
  readonly grid: boolean;
  /** The four pictures one by one, where the provider has them ready. */
  readonly singles: readonly string[];
  /** Asks for one of the four in full size; undefined where that cannot be asked for. */
  readonly upscale?: (index: number) => ApiCall<Submitted> | undefined;
}

/** What a submission comes to: a job to be asked about, or, where the work had been done before, its result. */
export type Submitted = { readonly ref: string } | { readonly done: JobResult };

/** `progress` is 0 to 1 where the provider tells it. */
export type JobState = { readonly progress?: number | undefined } | { readonly done: JobResult };

/** One provider's way of speaking: descriptions of its calls, nothing that acts. */
export interface JobDialect {
  readonly headers: (key: string) => Readonly<Record<string, string>>;
  readonly submit: (prompt: string) => ApiCall<Submitted>;
  readonly poll: (ref: string) => ApiCall<JobState>;
  /** Ends a job that nobody waits for any more; left out where the provider has no such call. */
  readonly cancel?: (ref: string) => ApiCall<void>;
  readonly rescue?: (url: string) => ApiCall<Buffer>;
}

/** An id as a provider gives it, fit to be put into a path. */
export const jobId = z
  .union([z.string(), z.number().int().transform(String)])
  .pipe(z.string().regex(/^(?!\.+$)[\w.:-]{1,200}$/));

/** A field of text that may be missing, null or of another type: then it counts as missing. */
export const optionalText = z.string().nullish().catch(undefined);

/** An address that may be missing, null or empty: then it counts as missing. */
export const optionalUrl = optionalText.transform((text) =>
  text === '' || text === null ? undefined : text,
);

/** Progress as a number of percent or as text such as `37%`; whatever else it is counts as unknown. Gives 0 to 1. */
export const percent = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\s*\d+(?:\.\d+)?\s*%?\s*$/)
      .transform(parseFloat),
  ])
  .transform((value) => Math.min(Math.max(value / 100, 0), 1))
  .optional()
  .catch(undefined);
