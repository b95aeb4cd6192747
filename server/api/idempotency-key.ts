import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { callerOf } from '../access/caller.js';
import { invalidRequest } from '../errors.js';
import type { KeyClaim } from '../tasks/idempotency.js';
import type { Form } from './form.js';

const HEADER = 'Idempotency-Key';
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;

/** The claim of a request with an `Idempotency-Key`; undefined for one without. */
export function readClaim(ctx: Context, form: Form): KeyClaim | undefined {
  const key = ctx.get(HEADER);
  if (key === '') return undefined;
  if (!PRINTABLE.test(key)) {
    throw invalidRequest(`Expected \`${HEADER}\` to be 1 to 255 printable ASCII characters`, {
      field: HEADER,
      allowed: '1 to 255 printable ASCII characters',
    });
  }
  return { owner: callerOf(ctx).owner, key, fingerprint: fingerprint(form) };
}

/** Of what is asked for, not of the bytes: a repeated multipart body has other boundaries. */
function fingerprint({ fields, picture }: Form): string {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256').update(JSON.stringify(sorted));
  if (picture) hash.update('\0').update(picture);
  return hash.digest('hex');
}

/** Says of an answer that it repeats an earlier one. */
export function markReplayed(ctx: Context, { replayed }: { readonly replayed: boolean }): void {
  if (replayed) ctx.set('Idempotent-Replayed', 'true');
}
