import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { invalidRequest, notFound } from '../errors.js';
import { matchesTag } from '../etag.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import { TASK_STATUSES } from '../tasks/task.js';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
/** Distinct lists kept as finished answers: dashboards ask for few, and each can be megabytes. */
const KEPT_LISTS = 8;

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

interface KeptList {
  readonly revision: number;
  readonly answer: Promise<{ body: Buffer; total: number; next: string | undefined }>;
}

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
  const kept = new Map<string, KeptList>();

  const buildList = async (query: z.infer<typeof querySchema>): KeptList['answer'] => {
    const { status: wanted, limit, before } = query;
    const tasks = await table.list({
      limit,
      ...(wanted ? { status: wanted } : {}),
      ...(before === undefined ? {} : { before }),
    });
    return {
      body: Buffer.from(JSON.stringify(runner.views(tasks))),
      total: await table.count(wanted),
      next: tasks.length === limit ? tasks[tasks.length - 1].id : undefined,
    };
  };

  const listOf = (key: string, query: z.infer<typeof querySchema>): KeptList => {
    const found = kept.get(key);
    if (found?.revision === table.revision) return found;
    const fresh = { revision: table.revision, answer: buildList(query) };
    kept.delete(key);
    kept.set(key, fresh);
    if (kept.size > KEPT_LISTS) kept.delete([...kept.keys()][0]);
    fresh.answer.catch(() => kept.delete(key));
    return fresh;
  };

  const unchanged = (ctx: Context, revision: number): boolean => {
    const etag = `"${epoch}-${revision}"`;
    ctx.set({ ETag: etag, 'Cache-Control': 'private, no-cache' });
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
    const { id, ...rest } = ctx.query;
    if (Array.isArray(id)) throw invalidRequest('Expected one `id`, got several', { field: 'id' });
    if (id) return answerOne(ctx, id);
    const parsed = querySchema.safeParse(rest);
    if (!parsed.success) throw badQuery(parsed.error, rest);
    const query = parsed.data;
    if (query.before !== undefined && !(await table.get(query.before))) {
      throw invalidRequest(`Expected \`before\` to be the id of a task, got ${query.before}`, {
        field: 'before',
        allowed: ALLOWED.before,
      });
    }
    const list = listOf(JSON.stringify(query), query);
    if (unchanged(ctx, list.revision)) return;
    const { body, total, next } = await list.answer;
    ctx.set('X-Total-Count', String(total));
    if (next !== undefined) {
      const params = new URLSearchParams({ limit: String(query.limit), before: next });
      if (query.status) params.set('status', query.status);
      ctx.set('Link', `</status?${params.toString()}>; rel="next"`);
    }
    ctx.type = 'json';
    ctx.body = body;
  };
};

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
