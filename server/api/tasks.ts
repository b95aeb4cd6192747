import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { notFound } from '../errors.js';
import type { TaskFeed } from '../tasks/task-feed.js';
import type { Task } from '../tasks/task.js';
import type { Submission } from './accept.js';
import { answerTagged } from './content-tag.js';
import type { EventTimes } from './event-stream.js';
import { taskEvents } from './events.js';
import { findTask } from './find-task.js';
import { markReplayed } from './idempotency-key.js';
import { preview } from './preview.js';
import { rerun } from './rerun.js';
import type { Submit, SubmitOptions } from './submit.js';
import type { ToTaskJson } from './task-json.js';
import { createTaskList } from './task-list.js';

export interface TasksApiOptions {
  readonly submit: Submit;
  /** What `submit` is made of; a rerun is a submission too. */
  readonly parts: SubmitOptions;
  readonly toJson: ToTaskJson;
  readonly baseUrl: string | undefined;
  readonly feed: TaskFeed;
  readonly eventTimes: EventTimes;
  /** Stands before the streams of events and bounds their number. */
  readonly fewStreams: Middleware;
}

/**
 * The tasks API:
 *
 *     POST   /tasks              accepts a task; the request is that of POST /img2vid
 *     GET    /tasks              {tasks, total, next}, newest first
 *     GET    /tasks/:id          one task
 *     GET    /tasks/:id/events   its progress as server-sent events
 *     GET    /tasks/:id/preview  what is being sampled looks like so far
 *     POST   /tasks/:id/cancel   ends it wherever it stands
 *     POST   /tasks/:id/rerun    a new task like it, with the parameters of the body
 *     DELETE /tasks/:id          removes it with its files
 */
export function createTasksApi(options: TasksApiOptions): Router {
  const { submit, parts, toJson, baseUrl, feed, eventTimes, fewStreams } = options;
  const { table, runner } = parts;
  const address = `${baseUrl ?? ''}/tasks`;

  const find = async (ctx: Context): Promise<Task> => known(await findTask(ctx, table, idOf(ctx)));
  const answerAccepted = (ctx: Context, submission: Submission): void => {
    const task = toJson(submission.task);
    markReplayed(ctx, submission);
    ctx.status = 201;
    ctx.set('Location', task.urls.get);
    ctx.body = task;
  };

  const answerOne: Middleware = async (ctx) => {
    answerTagged(ctx, toJson(runner.view(await find(ctx))));
  };
  const answerList = createTaskList(table, runner, {
    address,
    toBody: ({ tasks, ...page }) => ({ tasks: tasks.map(toJson), ...page }),
  });

  const router = new Router({ prefix: '/tasks' });
  router.post('/', async (ctx) => answerAccepted(ctx, await submit(ctx)));
  router.get('/', markPosition(feed), answerList);
  router.get('/:id', markPosition(feed), answerOne);
  router.get('/:id/events', fewStreams, taskEvents(feed, eventTimes));
  router.get('/:id/preview', preview(table, runner));
  router.post('/:id/cancel', async (ctx) => {
    ctx.body = toJson(runner.view(known(await runner.cancel((await find(ctx)).id))));
  });
  router.post('/:id/rerun', async (ctx) => answerAccepted(ctx, await rerun(parts, ctx, await find(ctx))));
  router.delete('/:id', async (ctx) => {
    if (!(await runner.remove((await find(ctx)).id))) throw unknownTask();
    ctx.status = 204;
  });
  return router;
}

/** Says where a stream of events goes on from this answer without gap: taken before the query, so never too late. */
const markPosition =
  (feed: TaskFeed): Middleware =>
  (ctx, next) => {
    ctx.set('Last-Event-ID', feed.position(feed.revision));
    return next();
  };

const idOf = (ctx: Context): string => (ctx.params as { id: string }).id;

const unknownTask = (): Error => notFound('The requested task was not found.');

function known(task: Task | undefined): Task {
  if (!task) throw unknownTask();
  return task;
}
