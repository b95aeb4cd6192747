import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { createGuardedClient, type GuardedClient } from '../images/guarded-client.js';
import type { Tables } from '../tasks/database.js';
import type { StateJournal, TaskTable } from '../tasks/table.js';
import { createAttempt, type Attempt, type Outcome } from './attempt.js';
import { Deliverer } from './deliverer.js';
import type { MessageBody } from './messages.js';
import { Outbox } from './outbox.js';
import { ProgressTeller } from './progress.js';
import type { WebhookSettings } from './settings.js';

export interface WebhookOptions extends WebhookSettings {
  readonly toBody: MessageBody;
  readonly log: Logger;
  /** Called with what each attempt to deliver came to. */
  readonly onAttempt?: (outcome: Outcome['kind']) => void;
  /** The rest is for tests. */
  readonly client?: Pick<GuardedClient, 'request'>;
  readonly delaysMs?: readonly number[];
  readonly progressIntervalMs?: number;
}

/** Tells those who asked for it of what becomes of their tasks. */
export interface Webhooks {
  /** Goes into the task table: it writes down what is to be told. */
  readonly journal: StateJournal;
  /** Begins to deliver, also what an earlier process left. */
  start(table: TaskTable): void;
  /** Before the table is closed. What is not delivered waits for the next start. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 15_000;
/** Of the answer nothing but its status is looked at. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export async function createWebhooks(db: Kysely<Tables>, options: WebhookOptions): Promise<Webhooks> {
  const { keys, allowedOrigins, toBody, log, delaysMs, progressIntervalMs } = options;
  const client =
    options.client ??
    createGuardedClient({
      allowedOrigins,
      totalMs: TIMEOUT_MS,
      idleMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
    });
  const outbox = await Outbox.open(db, toBody);
  const send = createAttempt(client, keys);
  const attempt: Attempt = async (message, signal) => {
    const outcome = await send(message, signal);
    options.onAttempt?.(outcome.kind);
    return outcome;
  };
  const deliverer = new Deliverer({ outbox, attempt, log, ...(delaysMs ? { delaysMs } : {}) });
  const progress = new ProgressTeller(deliverer, toBody, progressIntervalMs);
  return {
    journal: outbox,
    start: (table) => {
      progress.start(table, outbox);
      deliverer.start();
    },
    close: async () => {
      progress.close();
      await deliverer.close();
    },
  };
}
