import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { invalidRequest, notFound } from '../errors.js';
import { sendFile } from '../media/send-file.js';
import type { MediaStorage } from '../media/storage.js';
import type { TaskTable } from '../tasks/table.js';
import type { TaskResult } from '../tasks/task.js';
import { findTask } from './find-task.js';

/** The files of a completed task, and how each is found in its result. */
const FILES = {
  video: (result: TaskResult, index: number) => result.videos[index]?.file,
  thumbnail: (result: TaskResult, index: number) => result.videos[index]?.thumbnail,
  gif: (result: TaskResult, index: number) => result.videos[index]?.gif,
  grid: (result: TaskResult) => result.grid,
  picture: (result: TaskResult) => result.picture,
} as const;

/**
 * GET and HEAD /download/<kind>/:id, an attachment, with `?index=` for the variations after the first and `?download=0`
 * to show it.
 */
export const download =
  (kind: keyof typeof FILES, table: TaskTable, storage: MediaStorage): Middleware =>
  async (ctx: Context) => {
    const { id } = ctx.params as { id: string };
    const task = await findTask(ctx, table, id);
    if (!task) throw notFound(`The requested ${kind} was not found.`);
    const index = variation(ctx.query.index);
    const file = task.result ? FILES[kind](task.result, index) : undefined;
    const saveAs = index === 0 ? id : `${id}-${index}`;
    const sent = file !== undefined && (await sendFile(ctx, storage, storage.file(id, file), { saveAs }));
    if (!sent) throw notFound(`The requested ${kind} no longer exists.`);
  };

/** Which of the variations. */
export const indexSchema = z
  .preprocess((value) => (value === '' ? 0 : value), z.coerce.number().int().min(0).max(99))
  .describe('The number of a variation, from 0');

function variation(index: unknown): number {
  const parsed = indexSchema.safeParse(index ?? 0);
  if (parsed.success) return parsed.data;
  throw invalidRequest(`Expected \`index\` to be the number of a variation, got ${JSON.stringify(index)}`, {
    field: 'index',
    allowed: 'an integer from 0',
  });
}
