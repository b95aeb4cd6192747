import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { invalidRequest, notFound } from '../errors.js';
import { matchesTag } from '../etag.js';
import { KeptLists, listAnswer, type ListAnswer } from './kept-lists.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import { TASK_STATUSES } from '../tasks/task.js';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
const blank = (value: unknown): unknown => (value === '' ? undefined : value);

// Unknown parameters are let through: pollers add one of their own against caches.
const querySchema = z.object({
  status: z.preprocess(blank, z.enum(TASK_STATUSES).optional()),
  limit: z.preprocess(blank, z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT)),
  before: z.preprocess(blank, z.string().optional()),
});

const ALLOWED: Readonly<Record<string, unknown>> = {
  status: TASK_STATUSES,
  limit: `an integer from 1 to ${MAX_LIMIT}`,
  before: 'the id of a task',
};

type ListQuery = z.infer<typeof querySchema>;

/**
 * GET /status: all tasks, newest first, as a JSON list, or with `?id=` one task. `status`, `limit` and `before` (the id
 * of the last task of the page before) page through the list, `X-Total-Count` says how many there are.
 *
 * The table's revision is the ETag, so a poll that finds nothing new costs neither a query nor a body; and however many
 * poll, a list is put together once for each change.
 */
export const status = (table: TaskTable, runner: TaskRunner): Middleware => {
  // A restarted server counts revisions from zero again: its answers must not look like the last one's.
  const epoch = randomBytes(6).toString('hex');
  const lists = new KeptLists();

  const unchanged = (ctx: Context, revision: number): boolean => {
    const etag = `"${epoch}-${revision}"`;
    ctx.set({ ETag: `W/${etag}`, 'Cache-Control': 'private, no-cache' });
    if (!matchesTag(ctx.get('If-None-Match'), etag)) return false;
    ctx.status = 304;
    return true;
  };

  const answerOne = async (ctx: Context, id: string): Promise<void> => {
    const { revision } = table;
    const task = await table.get(id);
    if (!task) throw notFound('The requested record was not found.');
    if (!unchanged(ctx, revision)) ctx.body = runner.view(task);
  };

  return async (ctx) => {
    const { id } = ctx.query;
    if (Array.isArray(id)) throw invalidRequest('Expected one `id`, got several', { field: 'id' });
    if (id) return answerOne(ctx, id);
    const query = await readQuery(ctx, table);
    const { revision } = table;
    if (unchanged(ctx, revision)) return;
    const list = await lists.get(JSON.stringify(query), revision, () => buildList(query, table, runner));
    ctx.set('X-Total-Count', String(list.total));
    if (list.next !== undefined) ctx.set('Link', nextLink(query, list.next));
    ctx.type = 'json';
    ctx.vary('Accept-Encoding');
    if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
      ctx.set('Content-Encoding', 'gzip');
      ctx.body = await list.gzipped();
    } else {
      ctx.body = list.body;
    }
  };
};

async function readQuery(ctx: Context, table: TaskTable): Promise<ListQuery> {
  const parsed = querySchema.safeParse(ctx.query);
  if (!parsed.success) throw badQuery(parsed.error, ctx.query);
  const { before } = parsed.data;
  if (before !== undefined && !(await table.get(before))) {
    throw invalidRequest(`Expected \`before\` to be the id of a task, got ${JSON.stringify(before)}`, {
      field: 'before',
      allowed: ALLOWED.before,
    });
  }
  return parsed.data;
}

async function buildList(
  { status: wanted, limit, before }: ListQuery,
  table: TaskTable,
  runner: TaskRunner,
): Promise<ListAnswer> {
  const tasks = await table.list({
    limit,
    ...(wanted ? { status: wanted } : {}),
    ...(before === undefined ? {} : { before }),
  });
  const body = Buffer.from(JSON.stringify(runner.views(tasks)));
  const next = tasks.length === limit ? tasks[tasks.length - 1].id : undefined;
  return listAnswer(body, await table.count(wanted), next);
}

function nextLink({ status: wanted, limit }: ListQuery, before: string): string {
  const params = new URLSearchParams({ limit: String(limit), before });
  if (wanted) params.set('status', wanted);
  return `</status?${params.toString()}>; rel="next"`;
}

function badQuery(error: z.ZodError, given: Record<string, unknown>): Error {
  const field = String(error.issues[0].path[0]);
  return invalidRequest(
    `Expected \`${field}\` to be one of the allowed values, got ${JSON.stringify(given[field])}`,
    {
      field,
      allowed: ALLOWED[field],
    },
  );
}
