import { CANCELLED, isTerminal, type Task, type WebhookEvent } from '../tasks/task.js';

/** A message that waits to be delivered. */
export interface WebhookMessage {
  readonly seq: number;
  /** The `webhook-id`: the same in every attempt, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly taskId: string;
  readonly url: string;
  readonly type: string;
  readonly body: string;
  /** About the end of the task. */
  readonly final: boolean;
  /** Attempts so far. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
}

/** The event that a task's new state is; undefined for one that nobody is told of. */
export function eventOf({ status }: Task): WebhookEvent | undefined {
  if (isTerminal(status)) return 'completed';
  return status === 'processing' ? 'start' : undefined;
}

/** The `type` of the message about a task's state. */
export function messageType({ status, error }: Task): string {
  if (status === 'completed') return 'task.completed';
  if (status === 'error') return error?.code === CANCELLED ? 'task.cancelled' : 'task.failed';
  return 'task.started';
}

/**
 * The body of a message about a task, worded by the API that the task was asked for in; it goes out as JSON.
 * @param type such as `task.completed` @param at milliseconds since the epoch
 */
export type MessageBody = (task: Task, type: string, at: number) => unknown;
