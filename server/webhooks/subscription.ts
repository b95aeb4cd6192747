import { invalidRequest, type ServiceError } from '../errors.js';
import { parseUrl, permit, type GuardRules } from '../images/url-guard.js';
import { WEBHOOK_EVENTS, type TaskWebhook, type WebhookEvent } from '../tasks/task.js';

/** The webhook that a request asks for, and what its sender should know about it. */
export interface WebhookRequest {
  readonly webhook: TaskWebhook | null;
  readonly warnings: readonly string[];
}

/** Reads the fields `webhook` and `webhook_events_filter`. @throws ServiceError naming the field */
export type ReadWebhook = (url: unknown, events: unknown) => Promise<WebhookRequest>;

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
    const filter = readEvents(events);
    if (url === undefined || url === null || url === '') {
      const warnings = filter ? ['webhook_events_filter is not used, because no webhook is given'] : [];
      return { webhook: null, warnings };
    }
    if (typeof url !== 'string') {
      throw invalidRequest(`Expected \`webhook\` to be an address, got ${JSON.stringify(url)}`, {
        field: 'webhook',
        allowed: 'an http:// or https:// address',
      });
    }
    const { href } = (await permit(parseUrl(url.trim(), 'webhook'), rules, 'webhook')).url;
    return { webhook: { url: href, events: filter ?? DEFAULT_EVENTS }, warnings: [] };
  };
}

/** A list, or its parts separated by commas as a form sends them; undefined when it is left out or blank. */
function readEvents(value: unknown): readonly WebhookEvent[] | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const parts: unknown = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
  if (!Array.isArray(parts) || parts.length === 0) throw badEvents(value);
  const chosen = WEBHOOK_EVENTS.filter((event) => parts.includes(event));
  if (!parts.every((part) => chosen.includes(part as WebhookEvent))) throw badEvents(value);
  return chosen;
}

const badEvents = (value: unknown): ServiceError =>
  invalidRequest(`Expected \`webhook_events_filter\` to name events, got ${JSON.stringify(value)}`, {
    field: 'webhook_events_filter',
    allowed: WEBHOOK_EVENTS,
  });
