import type { Context, Middleware } from 'koa';
import { callerOf, maySee, visibleOwner } from '../access/caller.js';
import { notFound } from '../errors.js';
import type { TaskRunner } from '../tasks/runner.js';
import { ALL, type TaskFeed } from '../tasks/task-feed.js';
import { EventStream, formatEvent, type EventTimes, type News, type NewsSource } from './event-stream.js';

/** The times of a stream but for its length, which is configured: a pod's proxy cuts a response off at 100 s. */
export const EVENT_TIMES: Omit<EventTimes, 'maxMs'> = { heartbeatMs: 15_000, intervalMs: 250, retryMs: 1000 };

/** Characters told in one piece, or somewhat more: what a client takes slowly is not made ready in advance. */
const PIECE = 32 * 1024;
/** Waiting tasks listed in one event. */
const QUEUE_SHOWN = 100;
/** Ends the id of an event after which nothing comes, also where the id itself is of an earlier run of the server. */
const DONE = '-done';

/**
 * GET /tasks/:id/events: `progress` with the fields that changed (at first all of them), at last `done` with the whole
 * task, or `deleted`. A client that comes back with the id of the last event it got hears what has changed since.
 */
export const taskEvents =
  (feed: TaskFeed, times: EventTimes): Middleware =>
  async (ctx) => {
    const { id } = ctx.params as { id: string };
    const tracked = await feed.look(id);
    if (!tracked.task || !maySee(callerOf(ctx), tracked.task)) {
      throw notFound('The requested task was not found.');
    }
    const last = lastEventId(ctx);
    const since = feed.revisionAt(last) ?? -1;
    if (tracked.ended && (last.endsWith(DONE) || since >= tracked.changedAt)) {
      ctx.status = 204; // the one answer after which an EventSource does not come back
      return;
    }
    answer(ctx, new TaskNews(feed, id, since), times);
  };

/**
 * GET /events: the changes of all tasks that the client may see, from now on or from the last event's id: `progress`,
 * `done` and `deleted`, the first two with the whole task. `queue` says who waits for a device; `reset` says that too
 * much was missed: the list of tasks is to be read anew.
 */
export const allEvents =
  (feed: TaskFeed, runner: TaskRunner, times: EventTimes): Middleware =>
  (ctx) => {
    answer(ctx, new AllNews(feed, runner, visibleOwner(callerOf(ctx)), lastEventId(ctx)), times);
  };

/** A client that comes back by itself sends the header, and repeats the address it began with. */
function lastEventId(ctx: Context): string {
  const { last_event_id: given } = ctx.query;
  return ctx.get('Last-Event-ID') || (typeof given === 'string' ? given : '');
}

function answer(ctx: Context, source: NewsSource, times: EventTimes): void {
  ctx.set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  });
  if (ctx.method === 'HEAD') {
    ctx.status = 200;
    return;
  }
  // A client that takes nothing more cannot be told of the end either: its connection is cut.
  const cut = setTimeout(() => ctx.res.destroy(), times.maxMs + times.heartbeatMs);
  ctx.res.once('close', () => clearTimeout(cut));
  ctx.body = new EventStream(source, times);
}

class TaskNews implements NewsSource {
  constructor(
    private readonly feed: TaskFeed,
    private readonly id: string,
    private since: number,
  ) {}

  follow(wake: () => void): () => void {
    return this.feed.follow(this.id, wake);
  }

  async next(): Promise<News> {
    const { feed, id } = this;
    const tracked = await feed.look(id);
    const changed = tracked.changedAfter(this.since);
    const position = feed.position(tracked.seenAt);
    this.since = tracked.seenAt;
    if (!tracked.task) return { text: formatEvent('deleted', position + DONE, { id }), last: true };
    if (tracked.ended) {
      return { text: formatEvent('done', position + DONE, tracked.changedAfter(-1)), last: true };
    }
    return { text: Object.keys(changed).length === 0 ? '' : formatEvent('progress', position, changed) };
  }
}

class AllNews implements NewsSource {
  /** What changed up to here has been told; undefined where that is not known. */
  #since: number | undefined;
  /** The state of the queue that has been told is not older than this. */
  #queueAt: number;

  constructor(
    private readonly feed: TaskFeed,
    private readonly runner: TaskRunner,
    /** Whose tasks are told of; undefined for everybody's. */
    private readonly owner: string | undefined,
    last: string,
  ) {
    this.#since = last === '' ? feed.revision : feed.revisionAt(last);
    this.#queueAt = last === '' ? -1 : (this.#since ?? -1);
  }

  follow(wake: () => void): () => void {
    return this.feed.follow(ALL, wake);
  }

  async next(): Promise<News> {
    const { feed } = this;
    let text = '';
    if (this.#since === undefined || this.#since < feed.log.floor) {
      this.#since = feed.revision;
      text += formatEvent('reset', feed.position(this.#since), {});
    }
    const upTo = feed.revision;
    const changes = feed.log.since(this.#since, this.owner);
    // Before the changes: whoever comes back with the id of one of them knows the queue up to there.
    text += this.#queue(this.#since);
    for (const { id, revision } of changes) {
      if (text.length >= PIECE) return { text, more: true };
      text += await this.#change(id, revision);
      this.#since = revision;
    }
    this.#since = upTo;
    return { text };
  }

  async #change(id: string, revision: number): Promise<string> {
    const { feed } = this;
    const tracked = await feed.look(id);
    // Changed again while it was looked at: its turn comes with that change.
    if (feed.log.changedAt(id) !== revision) return '';
    const position = feed.position(revision);
    if (!tracked.task) return formatEvent('deleted', position, { id });
    // Whole tasks: they come in the order of their last changes, which says nothing about their earlier ones.
    return formatEvent(tracked.ended ? 'done' : 'progress', position, tracked.changedAfter(-1));
  }

  #queue(since: number): string {
    const { queueChangedAt } = this.feed;
    if (queueChangedAt <= this.#queueAt) return '';
    this.#queueAt = queueChangedAt;
    const { runner, owner } = this;
    const tasks = runner.queue(owner).slice(0, QUEUE_SHOWN);
    return formatEvent('queue', this.feed.position(since), { waiting: runner.waiting, tasks });
  }
}
