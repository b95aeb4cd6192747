import type { Task } from '../api/wire.js';

/** A word for a POSIX shell. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * The command that makes such a task anew. Texts go as `--form-string`: with `-F` curl would take a value that begins
 * with @ or < for the name of a file.
 */
export function curlOf({ source, params }: Task, address: string, withKey: boolean): string {
  const text = (name: string, value: unknown): string => `--form-string ${quote(`${name}=${String(value)}`)}`;
  const fields = Object.entries(params).map(([name, value]) => text(name, value));
  const { type, prompt, image_url: url, image_index: index } = source;
  if (typeof prompt === 'string') fields.unshift(text('prompt', prompt));
  if (typeof url === 'string') fields.unshift(text('image_url', url));
  if (type === 'upload') fields.unshift('-F image=@picture.png');
  if (typeof index === 'number') fields.push(text('image_index', index));
  const head = ['curl', ...(withKey ? ['-H "Authorization: Bearer $API_KEY"'] : [])].join(' ');
  return [head, ...fields, quote(address)].join(' \\\n  ');
}
