import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { invalidRequest, notFound } from '../errors.js';
import type { Renditions } from '../media/renditions.js';
import { sendFile } from '../media/send-file.js';
import type { MediaStorage } from '../media/storage.js';
import type { TaskTable } from '../tasks/table.js';
import type { TaskResult } from '../tasks/task.js';
import { findTask } from './find-task.js';

export interface DownloadParts {
  readonly table: TaskTable;
  readonly storage: MediaStorage;
  readonly renditions: Renditions;
}

/** Gives the path of a task's file, or undefined where the task has no such file. */
type Find = (
  parts: DownloadParts,
  id: string,
  result: TaskResult,
  ctx: Context,
) => Promise<string | undefined>;

const stored =
  (name: (result: TaskResult, index: number) => string | undefined): Find =>
  ({ storage }, id, result, ctx) => {
    const file = name(result, variation(ctx.query.index));
    return Promise.resolve(file && storage.file(id, file));
  };

const rendered =
  (kind: Parameters<Renditions['path']>[1]): Find =>
  async ({ renditions }, id, { videos }, ctx) => {
    const video = videos[variation(ctx.query.index)];
    return video && renditions.path(id, kind, { video: video.file, thumbnail: video.thumbnail });
  };

const thumbnail = stored(({ videos }, index) => videos[index]?.thumbnail);
const smallThumbnail = rendered('small');

/** The files of a completed task: those that were written with it, and those that are made of them on demand. */
const FILES = {
  video: stored(({ videos }, index) => videos[index]?.file),
  thumbnail: (parts, id, result, ctx) =>
    (ctx.query.size === 'small' ? smallThumbnail : thumbnail)(parts, id, result, ctx),
  grid: stored(({ grid }) => grid),
  picture: stored(({ picture }) => picture),
  gif: rendered('gif'),
  webp: rendered('webp'),
  frames: rendered('frames'),
} as const satisfies Readonly<Record<string, Find>>;

export type FileKind = keyof typeof FILES;
export const FILE_KINDS = Object.keys(FILES) as readonly FileKind[];

/**
 * GET and HEAD /download/<kind>/:id, an attachment, with `?index=` for the variations after the first and `?download=0`
 * to show it; a thumbnail also as `?size=small`.
 */
export const download =
  (kind: FileKind, parts: DownloadParts): Middleware =>
  async (ctx: Context) => {
    const { id } = ctx.params as { id: string };
    const task = await findTask(ctx, parts.table, id);
    if (!task) throw notFound(`The requested ${kind} was not found.`);
    const index = variation(ctx.query.index);
    const path = task.result ? await FILES[kind](parts, id, task.result, ctx) : undefined;
    const saveAs = index === 0 ? id : `${id}-${index}`;
    const sent = path !== undefined && (await sendFile(ctx, parts.storage, path, { saveAs }));
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
