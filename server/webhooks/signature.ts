import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET = /^whsec_[A-Za-z0-9+/]+={0,2}$/;
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** What a secret must look like; the words of an error, which must not repeat the secret itself. */
export const SECRET_FORM = `expected ${PREFIX} and the base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes; several are separated by blanks`;

/**
 * The keys of one secret, or of several separated by blanks: while secrets are being changed, messages are signed with
 * the old and the new one. Undefined where the text is something else.
 */
export function parseSecrets(text: string): Buffer[] | undefined {
  const secrets = text.trim().split(/\s+/);
  const keys = secrets.map((secret) => Buffer.from(secret.slice(PREFIX.length), 'base64'));
  const good = keys.every(({ length }) => length >= MIN_BYTES && length <= MAX_BYTES);
  return good && secrets.every((secret) => SECRET.test(secret)) ? keys : undefined;
}

/**
 * The header `webhook-signature` of a message by the Standard Webhooks specification: HMAC-SHA256 over
 * `id.timestamp.body`, one signature for each key.
 * @param timestamp seconds since the epoch
 */
export function sign(keys: readonly Buffer[], id: string, timestamp: number, body: string): string {
  const content = `${id}.${timestamp}.${body}`;
  return keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`).join(' ');
}
