import { viewTask } from '../tasks/view.js';
import type { MessageBody } from '../webhooks/messages.js';
import { linkedPrediction } from './cog/prediction.js';
import { createTaskJson } from './task-json.js';

/**
 * What webhooks are sent: the prediction itself of one that was asked for in Cog's API, of any other task
 * `{type, timestamp, data}` with its wire form in the tasks API.
 */
export function createWebhookBody(baseUrl: string | undefined): MessageBody {
  const toJson = createTaskJson(baseUrl);
  return (task, type, at) =>
    task.origin.api === 'cog'
      ? linkedPrediction(task, baseUrl)
      : { type, timestamp: new Date(at).toISOString(), data: toJson(viewTask(task)) };
}
