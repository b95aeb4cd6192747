import { ServiceError } from '../errors.js';
import type { GuardedClient } from '../images/guarded-client.js';
import { TransferError } from '../images/transfer-error.js';
import { sign } from './signature.js';
import type { WebhookMessage } from './messages.js';

/** What an attempt came to. `gone`: the receiver wants no more. `refused`: its address may not be asked. */
export type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs?: number };

/** Sends a message once. @throws the reason of the signal when it is aborted */
export type Attempt = (
  message: Pick<WebhookMessage, 'id' | 'url' | 'body'>,
  signal: AbortSignal,
) => Promise<Outcome>;

/** `keys`: what messages are signed with; none leaves them unsigned. */
export const createAttempt =
  (client: Pick<GuardedClient, 'request'>, keys: readonly Buffer[]): Attempt =>
  async ({ id, url, body }, signal) => {
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      ...(keys.length === 0 ? {} : { 'webhook-signature': sign(keys, id, timestamp, body) }),
    };
    try {
      const answer = await client.request(url, { method: 'POST', headers, body, maxRedirects: 0, signal });
      if (answer.status >= 200 && answer.status <= 299) return { kind: 'delivered' };
      if (answer.status === 410) return { kind: 'gone' };
      const retryAfterMs = readRetryAfter(answer.headers['retry-after']);
      return {
        kind: 'failed',
        reason: `HTTP status ${answer.status}`,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TransferError) return { kind: 'failed', reason: error.message };
      if (error instanceof ServiceError) return { kind: 'refused', reason: error.message };
      throw error;
    }
  };

/** Seconds, or a date (RFC 9110, section 10.2.3), as milliseconds from now. */
function readRetryAfter(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
