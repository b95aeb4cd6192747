import { z } from 'zod';
import type { ErrorForm } from '../http-errors.js';

/** `{"error": text}`, and what else an error says. */
export const errorSchema = z.object({ error: z.string() });
export const img2videoForm: ErrorForm = (error) => ({ body: { error: error.message, ...error.info } });

/** The same where a result is asked for. */
export const resultErrorSchema = errorSchema.extend({ status: z.literal('error') });
export const resultForm: ErrorForm = (error) => ({
  body: { error: error.message, status: 'error', ...error.info },
});
