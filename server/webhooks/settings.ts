import { z } from 'zod';
import { originList } from '../origin-list.js';
import { parseSecrets, SECRET_FORM } from './signature.js';

export interface WebhookSettings {
  /** What messages are signed with; none leaves them unsigned. */
  readonly keys: readonly Buffer[];
  /** Origins that may be told although they are private. */
  readonly allowedOrigins: readonly string[];
}

/** The environment variables of webhooks. */
export const webhookEnvironment = {
  WEBHOOK_SECRET: z
    .string()
    .transform((text, context) => {
      const keys = parseSecrets(text);
      if (!keys) context.addIssue(SECRET_FORM);
      return keys ?? [];
    })
    .default([]),
  WEBHOOK_ALLOW_ORIGINS: originList,
};

/** Variables whose values no message may repeat. */
export const WEBHOOK_SECRET_VARIABLES: readonly string[] = ['WEBHOOK_SECRET', 'WEBHOOK_ALLOW_ORIGINS'];

export const webhookSettings = (e: z.infer<z.ZodObject<typeof webhookEnvironment>>): WebhookSettings => ({
  keys: e.WEBHOOK_SECRET,
  allowedOrigins: e.WEBHOOK_ALLOW_ORIGINS,
});
