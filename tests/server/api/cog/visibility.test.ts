import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Context } from 'koa';
import { findPrediction } from '../../../../server/api/cog/find-prediction.js';
import { listPredictions } from '../../../../server/api/cog/list.js';
import type { TaskTable } from '../../../../server/tasks/table.js';
import { newTask, openTable } from '../../tasks/support.js';

let table: TaskTable;
beforeEach(async () => {
  table = await openTable();
  for (const owner of ['ann', 'bob']) {
    for (const externalId of [null, 'same']) {
      await table.create(newTask({ owner, origin: { api: 'cog', externalId, request: null } }));
    }
  }
});
afterEach(() => table.close());

const asking = (owner: string, admin = false): Context =>
  ({ state: { caller: { owner, admin } }, query: {} }) as unknown as Context;
test('a list has the caller’s own predictions, an admin’s all', async () => {
  const list = async (ctx: Context): Promise<number> => {
    await listPredictions(table, undefined)(ctx, () => Promise.resolve());
    return (ctx.body as { results: unknown[] }).results.length;
  };
  expect(await list(asking('ann'))).toBe(2);
  expect(await list(asking('carl'))).toBe(0);
  expect(await list(asking('root', true))).toBe(4);
});

test('the same id is another prediction for each owner, and nobody finds somebody else’s', async () => {
  const found = await Promise.all(
    ['ann', 'bob', 'carl'].map((who) => findPrediction(asking(who), table, 'same')),
  );
  expect(found.map((task) => task?.owner)).toEqual(['ann', 'bob', undefined]);
  const [task] = (await table.list({ limit: 10 })).filter(({ owner }) => owner === 'ann');
  expect(await findPrediction(asking('bob'), table, task.id)).toBeUndefined();
  expect((await findPrediction(asking('root', true), table, task.id))?.id).toBe(task.id);
});
