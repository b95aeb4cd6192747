import { viewTask } from '../tasks/view.js';
import type { MessageBody } from '../webhooks/messages.js';
import { createTaskJson } from './task-json.js';

/** What webhooks are sent: `{type, timestamp, data}` with the task's wire form in the tasks API. */
export function createWebhookBody(baseUrl: string | undefined): MessageBody {
  const toJson = createTaskJson(baseUrl);
  return (task, type, at) => ({
    type,
    timestamp: new Date(at).toISOString(),
    data: toJson(viewTask(task)),
  });
}
