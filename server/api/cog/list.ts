import type { Middleware } from 'koa';
import { z } from 'zod';
import { callerOf, visibleOwner } from '../../access/caller.js';
import type { TaskTable } from '../../tasks/table.js';
import { unprocessable } from '../fastapi-errors.js';
import { findPrediction } from './find-prediction.js';
import { linkedPrediction, predictionSchema } from './prediction.js';

export const PAGE = 100;

export const listQuery = z.object({
  cursor: z.string().optional().describe('Leads to a further page; `next` of the page before has it'),
});

export const pageSchema = z.object({
  previous: z.string().nullable().describe('Always null: pages lead to older predictions only'),
  next: z.string().nullable(),
  results: z.array(predictionSchema),
});

/** GET /predictions: those that the caller may see, newest first. */
export const listPredictions =
  (table: TaskTable, baseUrl: string | undefined): Middleware =>
  async (ctx) => {
    const cursor = listQuery.safeParse(ctx.query);
    const before = cursor.data?.cursor;
    if (!cursor.success || (before !== undefined && !(await findPrediction(ctx, table, before)))) {
      const msg = 'Expected `cursor` to be that of a page’s `next`';
      throw unprocessable([{ loc: ['query', 'cursor'], msg, type: 'value_error' }]);
    }
    const owner = visibleOwner(callerOf(ctx));
    const tasks = await table.list({
      api: 'cog',
      limit: PAGE,
      ...(owner === undefined ? {} : { owner }),
      ...(before === undefined ? {} : { before }),
    });
    const last = tasks.length === PAGE ? tasks[PAGE - 1].id : undefined;
    const page: z.infer<typeof pageSchema> = {
      previous: null,
      next: last === undefined ? null : `${baseUrl ?? ''}/predictions?cursor=${last}`,
      results: tasks.map((task) => linkedPrediction(task, baseUrl)),
    };
    ctx.body = page;
  };
