import { useLayoutEffect } from 'preact/hooks';
import { ApiError, request, requestJson } from '../api/client.js';
import { readEvents, type ServerEvent } from '../api/server-events.js';
import type { Task, TaskPage } from '../api/wire.js';
import { store, type TaskStore } from './store.js';

const FIRST_PAGE = 200;
const OLDER_PAGE = 1000;
/** The service sends a comment every 15 s: a stream that is silent for longer is dead, or held back by a proxy. */
const SILENCE_MS = 20_000;
/** A stream begins with a line at once; where none comes, something on the way gathers what it should pass on. */
const FIRST_BYTES_MS = 6_000;
const POLL_MS = 2_000;
/** Polls before streaming is tried again. */
const POLLS = 15;
const SLOWEST_RETRY_MS = 5_000;
/**
 * A tab in the background holds no stream: a browser allows six connections to a host, and all its tabs share them. It
 * looks now and then, for what its title tells.
 */
const HIDDEN_STREAM_MS = 4_000;
const HIDDEN_PAUSE_MS = 30_000;

/** Keeps a store up to date: by the stream of events, by polling where that does not come through, and after every fault. */
export class TaskFeed {
  #position = '';
  #failures = 0;
  #wake: () => void = () => undefined;
  #loadingOlder: Promise<void> | undefined;

  constructor(private readonly store: TaskStore) {}

  /** Runs for as long as the page is open. */
  async run(): Promise<never> {
    for (;;) {
      try {
        if (this.#position === '') await this.#reload();
        await this.#stream();
        this.#failures = 0;
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  /** Tries again at once: there is a new key, or the network is back. */
  retry(): void {
    this.#wake();
  }

  /** Loads the next older tasks. */
  loadOlder(): Promise<void> {
    const { store } = this;
    const { oldest } = store;
    if (store.complete || !oldest) return Promise.resolve();
    this.#loadingOlder ??= requestJson<TaskPage>(`tasks?limit=${OLDER_PAGE}&before=${oldest.id}`)
      .then((page) => store.add(page))
      .finally(() => (this.#loadingOlder = undefined));
    return this.#loadingOlder;
  }

  async #reload(): Promise<void> {
    // As many as there were: a list that was scrolled down keeps its place.
    const limit = Math.min(10_000, Math.max(FIRST_PAGE, this.store.tasks.length));
    const response = await request(`tasks?limit=${limit}`);
    const position = response.headers.get('Last-Event-ID') ?? '';
    this.store.reset((await response.json()) as TaskPage);
    this.#position = position;
  }

  /** Follows one response of events to its end. */
  async #stream(): Promise<void> {
    const abort = new AbortController();
    let timer = setTimeout(() => abort.abort(), FIRST_BYTES_MS);
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE_MS);
      this.store.connection = 'live';
    };
    const { signal } = abort;
    whenHiddenFor(HIDDEN_STREAM_MS, signal, () => abort.abort(new Hidden()));
    try {
      const headers = { 'Last-Event-ID': this.#position };
      const { body } = await request('events', { headers, signal });
      if (!body) throw new ApiError(0, 'The stream of events is empty');
      for await (const event of readEvents(body, heard)) this.#apply(event);
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  #apply({ event, id, data }: ServerEvent): void {
    this.#position = id;
    if (event === 'reset') {
      this.#position = '';
      throw new Reset();
    }
    if (event === 'progress' || event === 'done') this.store.put(JSON.parse(data) as Task);
    if (event === 'deleted') this.store.remove((JSON.parse(data) as Task).id);
    if (event === 'queue') {
      const { tasks } = JSON.parse(data) as { tasks: readonly Pick<Task, 'id'>[] };
      for (const { id: waiting, ...place } of tasks) this.store.update(waiting, place);
    }
  }

  async #recover(error: unknown): Promise<void> {
    if (error instanceof Reset) return;
    if (error instanceof Hidden) return this.#rest();
    if (error instanceof ApiError && error.status === 401) {
      this.store.lock();
      return this.#pause(undefined);
    }
    this.#failures++;
    // An abort is our own: the stream was silent, though the service may be there. 429: there are too many streams already.
    const noStream = error instanceof ApiError ? error.status === 429 : this.#failures > 1;
    if (noStream) return this.#poll();
    if (this.#failures > 1) this.store.connection = 'offline';
    await this.#pause(Math.min(SLOWEST_RETRY_MS, 250 * 2 ** Math.min(this.#failures, 5)));
  }

  async #poll(): Promise<void> {
    for (let i = 0; i < POLLS; i++) {
      try {
        await this.#reload();
        this.store.connection = 'polling';
      } catch {
        this.store.connection = 'offline';
      }
      await this.#pause(POLL_MS);
    }
  }

  /** Until the tab is seen, or it is time to look. */
  async #rest(): Promise<void> {
    const seen = (): void => this.#wake();
    document.addEventListener('visibilitychange', seen);
    if (document.hidden) await this.#pause(HIDDEN_PAUSE_MS);
    document.removeEventListener('visibilitychange', seen);
  }

  #pause(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The service cannot say what was missed: the list is read anew. */
class Reset extends Error {}

/** The tab is in the background. */
class Hidden extends Error {}

/** Calls back when the page has not been seen for so long, unless the signal comes first. */
function whenHiddenFor(ms: number, signal: AbortSignal, callback: () => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(callback, ms);
  };
  look();
  document.addEventListener('visibilitychange', look, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
}

export const feed = new TaskFeed(store);

/** Loads older tasks for as long as that is wanted; for components that are drawn anew with every change of tasks. */
export function useOlder(wanted: boolean): void {
  const { tasks } = store;
  useLayoutEffect(() => {
    if (wanted) void feed.loadOlder().catch(() => undefined);
  }, [wanted, tasks]);
}
