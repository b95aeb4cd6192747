import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far a message's time may be off, in seconds. */
const TOLERANCE = 5 * 60;

/**
 * What a receiver does with a message by the Standard Webhooks specification. Shares nothing with the code that signs.
 * @throws when the message is not authentic or too old
 */
export function verify(secret: string, text: string, headers: Readonly<Record<string, string>>): unknown {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map(
    (name) => headers[`webhook-${name}`],
  );
  if (!id || !timestamp || !signatures) throw new Error('A header is missing');
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE)) throw new Error('The time is off');
  const key = Uint8Array.from(atob(secret.replace('whsec_', '')), (letter) => letter.charCodeAt(0));
  const content = new TextEncoder().encode([id, timestamp, text].join('.'));
  const expected = createHmac('sha256', key).update(content).digest();
  const authentic = signatures.split(' ').some((signature) => {
    const [version, value] = signature.split(',');
    const given = Buffer.from(value ?? '', 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!authentic) throw new Error('No signature fits');
  return JSON.parse(text);
}
