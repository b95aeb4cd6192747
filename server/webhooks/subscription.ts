import { z } from 'zod';
import { readField, type RequestField } from '../api/fields.js';
import { parseUrl, permit, type GuardRules } from '../images/url-guard.js';
import { WEBHOOK_EVENTS, type TaskWebhook, type WebhookEvent } from '../tasks/task.js';

/** The webhook that a request asks for, and what its sender should know about it. */
export interface WebhookRequest {
  readonly webhook: TaskWebhook | null;
  readonly warnings: readonly string[];
}

/** Reads the fields `webhook` and `webhook_events_filter`. @throws ServiceError naming the field */
export type ReadWebhook = (url: unknown, events: unknown) => Promise<WebhookRequest>;

/** Who is told. Whether the address may be asked is the guard's to decide. */
export const webhookField: RequestField<string | undefined> = {
  name: 'webhook',
  schema: z
    .preprocess((value) => (value === null || value === '' ? undefined : value), z.string().trim().optional())
    .describe('Address that is told of the task’s end'),
  allowed: 'an http:// or https:// address',
  secret: true,
};

/** Which events are told: a list, or its parts separated by commas as a form sends them. */
export const eventsField: RequestField<readonly WebhookEvent[] | undefined> = {
  name: 'webhook_events_filter',
  schema: z
    .preprocess(parts, z.array(z.enum(WEBHOOK_EVENTS)).min(1).optional())
    .describe('What the webhook is told; the end of the task when left out'),
  allowed: `some of ${WEBHOOK_EVENTS.join(', ')}`,
};

function parts(value: unknown): unknown {
  if (value === null || value === '') return undefined;
  return typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
}

/** Without a filter only the end of a task is told. */
const DEFAULT_EVENTS: readonly WebhookEvent[] = ['completed'];

/**
 * An address that leads nowhere public by its own letters is refused when the task is submitted. A name is looked up
 * for each delivery, since what it stands for may change.
 */
export function createWebhookReader(allowedOrigins: readonly string[]): ReadWebhook {
  const rules: GuardRules = {
    allowedOrigins: new Set(allowedOrigins),
    resolve: () => Promise.resolve([{ address: '1.1.1.1', family: 4 }]), // any public address: names pass for now
  };
  return async (url, events) => {
    const filter = readField(eventsField, events);
    const address = readField(webhookField, url);
    if (address === undefined) {
      const warnings = filter ? ['webhook_events_filter is not used, because no webhook is given'] : [];
      return { webhook: null, warnings };
    }
    const { href } = (await permit(parseUrl(address, 'webhook'), rules, 'webhook')).url;
    return { webhook: { url: href, events: filter ?? DEFAULT_EVENTS }, warnings: [] };
  };
}
