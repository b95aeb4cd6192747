import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clip } from './clips.js';

/** What is looked at of a task. */
export interface TaskJson {
  readonly id: string;
  readonly status: string;
  readonly seed: number;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly videos: readonly { readonly url: string; readonly thumbnail_url: string }[];
  readonly grid_url: string | null;
}

const RETRY_MS = 50;
const REQUEST_LIMIT_MS = 20_000;
/** A service that answers, but refuses for longer than this, is broken: kills alone do not make it refuse. */
const PATIENCE_MS = 30_000;

/** A client that asks again whenever the service is away, and gives up only where it is there and keeps refusing. */
export class Client {
  /** Requests without a key that no answer came to: each may have become a task, or not. */
  unanswered = 0;
  readonly #url: () => Promise<string>;
  readonly #picture: Uint8Array<ArrayBuffer>;
  readonly #patienceMs: number;

  constructor(url: () => Promise<string>, picture: Uint8Array, patienceMs = PATIENCE_MS) {
    this.#url = url;
    this.#picture = new Uint8Array(picture);
    this.#patienceMs = patienceMs;
  }

  /** Asks for a clip until that is acknowledged. With a key it is the same request each time. Gives the task's id. */
  async submit(clip: Clip, path: '/tasks' | '/img2vid', keyed: boolean, webhook?: string): Promise<string> {
    const headers = keyed ? { 'Idempotency-Key': randomUUID() } : {};
    const patience = new Patience(path, this.#patienceMs);
    for (;;) {
      const body = new FormData();
      for (const [name, value] of Object.entries(clip.fields)) body.append(name, value);
      if (clip.fromPicture) body.append('image', new Blob([this.#picture]), 'picture.png');
      if (webhook) body.append('webhook', webhook);
      const response = await this.#try(path, { method: 'POST', headers, body });
      if (response) {
        const task = (await response.json().catch(() => undefined)) as TaskJson | undefined;
        if (response.status < 300 && task) return task.id;
        if (response.status < 500 && response.status !== 429) {
          throw new Error(`${path} answered ${response.status}: ${JSON.stringify(task)}`);
        }
      }
      patience.spend(response?.status);
      if (!keyed) this.unanswered++;
      await pause(RETRY_MS);
    }
  }

  async get<T>(path: string): Promise<{ readonly status: number; readonly body: T }> {
    const { status, bytes } = await this.#read(path);
    return { status, body: JSON.parse(bytes.toString()) as T };
  }

  /** Every task there is. */
  async all(): Promise<readonly TaskJson[]> {
    return (await this.get<{ tasks: TaskJson[] }>('/tasks?limit=10000')).body.tasks;
  }

  /** One digest for all files of a completed task. */
  async digest({ videos, grid_url }: TaskJson): Promise<string> {
    const hash = createHash('sha256');
    const paths = [...videos.flatMap(({ url, thumbnail_url }) => [url, thumbnail_url]), grid_url];
    for (const path of paths) {
      if (path === null) continue;
      const { status, bytes } = await this.#read(path);
      hash.update(`${status} ${bytes.length} `).update(bytes);
    }
    return hash.digest('hex');
  }

  /** Reads an answer whole. */
  async #read(path: string): Promise<{ readonly status: number; readonly bytes: Buffer }> {
    const patience = new Patience(path, this.#patienceMs);
    for (;;) {
      const response = await this.#try(path);
      const bytes = await response?.arrayBuffer().catch(() => undefined);
      if (response && bytes && response.status !== 503) {
        return { status: response.status, bytes: Buffer.from(bytes) };
      }
      patience.spend(response?.status);
      await pause(RETRY_MS);
    }
  }

  /** Undefined where the service is away. */
  async #try(path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const url = await this.#url();
    return fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) }).catch(
      () => undefined,
    );
  }
}

/** Ends a request that has been refused for too long without the service having been away. */
class Patience {
  #refusedSince: number | undefined;

  constructor(
    private readonly path: string,
    private readonly limitMs: number,
  ) {}

  /** @param status of the answer that is no good; undefined where the service is away, which is to be expected */
  spend(status: number | undefined): void {
    if (status === undefined || status < 400) {
      this.#refusedSince = undefined;
      return;
    }
    this.#refusedSince ??= performance.now();
    if (performance.now() - this.#refusedSince < this.limitMs) return;
    throw new Error(`${this.path} has answered ${status} for ${this.limitMs / 1000} s`);
  }
}
