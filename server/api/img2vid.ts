import type { Middleware } from 'koa';
import { markReplayed } from './idempotency-key.js';
import type { Submit } from './submit.js';

/** POST /img2vid: accepts a task from a prompt, a picture's address or an uploaded picture and answers with it at once. */
export const img2vid =
  (submit: Submit): Middleware =>
  async (ctx) => {
    const submission = await submit(ctx);
    markReplayed(ctx, submission);
    ctx.body = submission.task;
  };
