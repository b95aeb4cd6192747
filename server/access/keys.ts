import { createHash, timingSafeEqual } from 'node:crypto';

/** An access key as the service remembers it: who holds it, and a hash of it. */
export interface AccessKey {
  readonly name: string;
  readonly hash: Buffer;
}

const ENTRY = /^([A-Za-z0-9][\w.-]{0,63}):([\x21-\x2b\x2d-\x7e]{16,512})$/;

export const KEY_FORM =
  'expected name:key entries; a name has up to 64 letters, digits, dots, dashes and underscores, a key 16 to 512 visible ' +
  'ASCII characters without commas, and no key stands twice';

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Reads `name:key` entries. A name may have several keys. Undefined where one is malformed, or a key stands twice. */
export function parseKeys(entries: readonly string[]): readonly AccessKey[] | undefined {
  const keys: AccessKey[] = [];
  for (const entry of entries) {
    const [, name, key] = ENTRY.exec(entry) ?? [];
    if (name === undefined || key === undefined || findKey(keys, key)) return undefined;
    keys.push({ name, hash: hashOf(key) });
  }
  return keys;
}

/** The entries of a key file: one on a line, blank lines and lines that begin with # left out. */
export const entriesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The key that was presented. Every key is looked at in constant time: how long it takes tells nothing of any. */
export function findKey(keys: readonly AccessKey[], presented: string): AccessKey | undefined {
  const hash = hashOf(presented);
  let found: AccessKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.hash, hash)) found = key;
  return found;
}
