import type { Context } from 'koa';
import { z } from 'zod';
import { callerOf, visibleOwner } from '../access/caller.js';
import { invalidRequest } from '../errors.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import { TASK_STATUSES } from '../tasks/task.js';
import type { TaskView } from '../tasks/view.js';
import { isUnchanged } from './content-tag.js';
import { findTask } from './find-task.js';
import { KeptLists, listAnswer, type ListAnswer } from './kept-lists.js';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
const blank = (value: unknown): unknown => (value === '' ? undefined : value);

// Unknown parameters are let through: pollers add one of their own against caches.
export const taskListQuery = z.object({
  status: z.preprocess(blank, z.enum(TASK_STATUSES).optional()).describe('Only tasks in this state'),
  limit: z
    .preprocess(blank, z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT))
    .describe('Tasks on the page'),
  before: z.preprocess(blank, z.string().optional()).describe('Id of the last task of the page before'),
});

const ALLOWED: Readonly<Record<string, unknown>> = {
  status: TASK_STATUSES,
  limit: `an integer from 1 to ${MAX_LIMIT}`,
  before: 'the id of a task',
};

type ListQuery = z.infer<typeof taskListQuery>;

/** One page of tasks. */
export interface TaskPage {
  readonly tasks: readonly TaskView[];
  /** How many there are in all. */
  readonly total: number;
  /** Where the next page is; null when this one is the last. */
  readonly next: string | null;
}

export interface ListForm {
  /** The address of the list, which the address of the next page begins with. */
  readonly address: string;
  readonly toBody: (page: TaskPage) => unknown;
}

/**
 * Answers with the tasks, newest first. `status`, `limit` and `before` (the id of the last task of the page before) page
 * through the list; `X-Total-Count` says how many there are, `Link` where the next page is.
 *
 * Who asks sees their own tasks, an admin all. However many poll, a list is put together once for each change that can
 * show in it, and the ETag is of its content: a poll that finds nothing new costs neither a query nor a body, and tells
 * nothing of what others do.
 */
export function createTaskList(
  table: TaskTable,
  runner: TaskRunner,
  { address, toBody }: ListForm,
): (ctx: Context) => Promise<void> {
  const lists = new KeptLists();

  const build = async ({ status, limit, before }: ListQuery, owner?: string): Promise<ListAnswer> => {
    const filter = { ...(status ? { status } : {}), ...(owner === undefined ? {} : { owner }) };
    const tasks = await table.list({ ...filter, limit, ...(before === undefined ? {} : { before }) });
    const last = tasks.length === limit ? tasks[tasks.length - 1].id : undefined;
    const next = last === undefined ? undefined : `${address}?${nextQuery(limit, last, status)}`;
    const total = await table.count(filter);
    const body = toBody({ tasks: runner.views(tasks), total, next: next ?? null });
    return listAnswer(Buffer.from(JSON.stringify(body)), total, next);
  };

  return async (ctx) => {
    const query = await readQuery(ctx, table);
    const owner = visibleOwner(callerOf(ctx));
    const revision = owner === undefined ? table.revision : table.revisionFor(owner);
    const list = await lists.get(JSON.stringify([owner, query]), revision, () => build(query, owner));
    if (isUnchanged(ctx, list.tag)) return;
    ctx.set('X-Total-Count', String(list.total));
    if (list.next !== undefined) ctx.set('Link', `<${list.next}>; rel="next"`);
    ctx.type = 'json';
    ctx.vary('Accept-Encoding');
    if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
      ctx.set('Content-Encoding', 'gzip');
      ctx.body = await list.gzipped();
    } else {
      ctx.body = list.body;
    }
  };
}

async function readQuery(ctx: Context, table: TaskTable): Promise<ListQuery> {
  const parsed = taskListQuery.safeParse(ctx.query);
  if (!parsed.success) throw badQuery(parsed.error, ctx.query);
  const { before } = parsed.data;
  if (before !== undefined && !(await findTask(ctx, table, before))) {
    throw invalidRequest(`Expected \`before\` to be the id of a task, got ${JSON.stringify(before)}`, {
      field: 'before',
      allowed: ALLOWED.before,
    });
  }
  return parsed.data;
}

function nextQuery(limit: number, before: string, status: ListQuery['status']): string {
  const params = new URLSearchParams({ limit: String(limit), before });
  if (status) params.set('status', status);
  return params.toString();
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
