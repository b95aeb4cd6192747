import { createHash } from 'node:crypto';

/** Names an answer by what it says: equal tags mean equal answers, whoever asked and whatever else has changed. */
export const contentTag = (body: string | Uint8Array): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;

/**
 * Whether an If-None-Match header names the entity tag: the comparison is weak (RFC 9110, section 13.1.2). The request's
 * Cache-Control is not looked at, since a script that sends the header itself cannot keep its browser from adding one.
 */
export function matchesTag(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
