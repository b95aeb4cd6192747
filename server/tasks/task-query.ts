import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely';
import type { TaskRow, Tables } from './database.js';
import type { TaskApi, TaskStatus } from './task.js';

export interface TaskFilter {
  readonly status?: TaskStatus;
  /** Only the tasks that were asked for in one API. */
  readonly api?: TaskApi;
  /** Only the tasks of one owner. */
  readonly owner?: string;
}

export interface TaskQuery extends TaskFilter {
  readonly limit: number;
  /** Only tasks older than the one with this id. */
  readonly before?: string;
}

type Query = SelectQueryBuilder<Tables, 'tasks', unknown>;

function filtered(db: Kysely<Tables>, { status, api, owner }: TaskFilter): Query {
  let query: Query = db.selectFrom('tasks');
  if (status !== undefined) query = query.where('status', '=', status);
  if (api !== undefined) query = query.where('api', '=', api);
  if (owner !== undefined) query = query.where('owner', '=', owner);
  return query;
}

/** The rows that a query asks for, newest first. */
export function selectRows(
  db: Kysely<Tables>,
  { limit, before, ...filter }: TaskQuery,
): Promise<Selectable<TaskRow>[]> {
  let query = filtered(db, filter).selectAll().orderBy('created_at', 'desc').limit(limit);
  if (before !== undefined) {
    query = query.where('created_at', '<', (e) =>
      e.selectFrom('tasks').select('created_at').where('id', '=', before),
    );
  }
  return query.execute();
}

export async function countRows(db: Kysely<Tables>, filter: TaskFilter): Promise<number> {
  const counted = filtered(db, filter).select((e) => e.fn.countAll().as('n'));
  return Number((await counted.executeTakeFirstOrThrow()).n);
}

/** The rows of tasks that have not ended, oldest first. */
export const selectUnfinished = (db: Kysely<Tables>): Promise<Selectable<TaskRow>[]> =>
  db
    .selectFrom('tasks')
    .selectAll()
    .where('status', 'in', ['queued', 'processing'])
    .orderBy('created_at', 'asc')
    .execute();

/** The row of the task that an owner's clients of an API know by an id of theirs. */
export const selectExternal = (
  db: Kysely<Tables>,
  api: TaskApi,
  owner: string,
  externalId: string,
): Promise<Selectable<TaskRow> | undefined> =>
  db
    .selectFrom('tasks')
    .selectAll()
    .where('api', '=', api)
    .where('owner', '=', owner)
    .where('external_id', '=', externalId)
    .executeTakeFirst();

/** The rows whose external ids, hexadecimal ones, begin with `prefix`. */
export const selectByPrefix = (
  db: Kysely<Tables>,
  api: TaskApi,
  owner: string,
  prefix: string,
): Promise<Selectable<TaskRow>[]> =>
  db
    .selectFrom('tasks')
    .selectAll()
    .where('api', '=', api)
    .where('owner', '=', owner)
    .where('external_id', '>=', prefix)
    .where('external_id', '<', `${prefix}g`) // after the last of the digits
    .execute();
