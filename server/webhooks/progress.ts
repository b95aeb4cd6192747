import { randomUUID } from 'node:crypto';
import type { TaskTable } from '../tasks/table.js';
import type { Deliverer } from './deliverer.js';
import type { MessageBody } from './messages.js';
import type { Outbox } from './outbox.js';

/** From one message about a task's progress to the next. */
export const PROGRESS_INTERVAL_MS = 2000;

interface Watched {
  timer?: NodeJS.Timeout;
  /** When progress was told last. */
  toldAt: number;
}

/**
 * Tells of the progress of running tasks whose webhooks ask for it: now and then, each message once. It is kept in
 * memory alone, since the next message makes up for one that is lost.
 */
export class ProgressTeller {
  readonly #watched = new Map<string, Watched>();

  constructor(
    private readonly deliverer: Deliverer,
    private readonly toBody: MessageBody,
    private readonly intervalMs = PROGRESS_INTERVAL_MS,
  ) {}

  start(table: TaskTable, outbox: Outbox): void {
    outbox.on('recorded', ({ id, status, webhook }) => {
      this.#forget(id);
      if (status === 'processing' && webhook?.events.includes('progress')) {
        this.#watched.set(id, { toldAt: Date.now() });
      }
    });
    table.on('change', (id, change) => {
      if (change === 'progress') this.#schedule(table, id);
    });
  }

  close(): void {
    for (const id of [...this.#watched.keys()]) this.#forget(id);
  }

  #forget(id: string): void {
    clearTimeout(this.#watched.get(id)?.timer);
    this.#watched.delete(id);
  }

  #schedule(table: TaskTable, id: string): void {
    const watched = this.#watched.get(id);
    if (!watched || watched.timer) return;
    const tell = (): void => {
      delete watched.timer;
      watched.toldAt = Date.now();
      void this.deliverer.offer(id, () => this.#message(table, id));
    };
    watched.timer = setTimeout(tell, Math.max(0, watched.toldAt + this.intervalMs - Date.now()));
  }

  async #message(table: TaskTable, id: string) {
    const task = await table.get(id);
    if (task?.status !== 'processing' || !task.webhook) return undefined;
    const body = JSON.stringify(this.toBody(task, 'task.progress', Date.now()));
    return { id: `task_${id}_progress_${randomUUID()}`, url: task.webhook.url, body };
  }
}
