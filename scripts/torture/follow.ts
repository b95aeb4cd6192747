import { setTimeout as pause } from 'node:timers/promises';
import type { Client, TaskJson } from './client.js';

/** How a task ended, as its client saw it. */
export interface Outcome {
  /** `completed`, the code of its error, or `lost` where the service does not know it. */
  readonly status: string;
  /** Of the files of a completed one, read as soon as it said so. */
  readonly digest?: string;
}

const POLL_MS = 100;

/** Watches a task until it ends. */
export async function follow(client: Client, id: string): Promise<Outcome> {
  for (;;) {
    const { status, body } = await client.get<TaskJson>(`/tasks/${id}`);
    if (status === 404) return { status: 'lost' };
    if (body.status === 'completed') return { status: 'completed', digest: await client.digest(body) };
    if (body.status === 'error') return { status: body.error?.code ?? 'no code' };
    await pause(POLL_MS);
  }
}
