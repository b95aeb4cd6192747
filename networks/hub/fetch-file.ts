import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { hasCode, messageOf } from '../system-error.js';
import { HubError } from './hub-error.js';

/** A file at a pinned revision. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /** Of the content; small files have git's hash of a blob instead (SHA-1 of a header and the content). */
  readonly digest: { readonly kind: 'sha256' | 'git'; readonly hex: string };
  /** The content from a byte on. */
  readonly open: (from: number) => Promise<AsyncIterable<Uint8Array>>;
}

export interface FetchFileOptions {
  /** Told each count of bytes that are there now, also of those a former attempt left. */
  readonly onBytes?: (count: number) => void;
  readonly signal?: AbortSignal;
  /** Waits before attempt n = 1, 2, …; default 1 s, 2 s, 4 s, … */
  readonly wait?: (attempt: number) => Promise<unknown>;
}

const ATTEMPTS = 6;
/** Answers that another attempt does not change: no such file, no right to it. */
const FINAL_STATUS = new Set([400, 401, 403, 404, 410]);

/**
 * Fetches a file to `target`. It lies in `<target>.part` until length and hash are right; what a broken attempt left
 * there is kept, and the rest is asked for. A target of the right length is taken as done: it was checked before.
 * @throws HubError after six attempts in a row that bring nothing, or at once when the server refuses
 */
export async function fetchFile(
  file: RemoteFile,
  target: string,
  options: FetchFileOptions = {},
): Promise<void> {
  if ((await lengthOf(target)) === file.size) {
    options.onBytes?.(file.size);
    return;
  }
  const part = `${target}.part`;
  await mkdir(dirname(target), { recursive: true });
  const wait =
    options.wait ?? ((attempt) => pause(1000 * 2 ** (attempt - 1), undefined, { signal: options.signal }));
  let [attempt, reached] = [0, 0];
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      await continuePart(file, part, options);
      await rename(part, target);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      const length = (await lengthOf(part)) ?? 0;
      // A line that breaks now and then gets through all the same, as long as each attempt brings something.
      attempt = length > reached ? 1 : attempt + 1;
      reached = Math.max(reached, length);
      if (error instanceof HubError || isFinal(error) || attempt === ATTEMPTS) throw failure(file, error);
    }
    await wait(attempt);
  }
}

/** Appends what is missing and checks the whole. Throws to be called again, with HubError when that is of no use. */
async function continuePart(
  file: RemoteFile,
  part: string,
  { onBytes, signal }: FetchFileOptions,
): Promise<void> {
  let length = (await lengthOf(part)) ?? 0;
  if (length > file.size) {
    await rm(part);
    length = 0;
  }
  const hash = newHash(file);
  for await (const bytes of length > 0 ? createReadStream(part) : []) hash.update(bytes as Uint8Array);
  onBytes?.(length);
  const resumed = length > 0;
  const handle = await open(part, 'a');
  try {
    if (length < file.size) {
      for await (const bytes of await file.open(length)) {
        signal?.throwIfAborted();
        length += bytes.length;
        if (length > file.size) break;
        await handle.appendFile(bytes);
        hash.update(bytes);
        onBytes?.(length);
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (length < file.size) throw new Error(`ended at byte ${length} of ${file.size}`);
  if (length === file.size && hash.digest('hex') === file.digest.hex) return;
  // A server that ignores the range sends the beginning again; from an empty part no such fault can come.
  await rm(part);
  if (!resumed)
    throw new HubError(`${file.path}: what arrived is not what the hub describes (length or hash)`);
  throw new Error('the continued file was wrong');
}

/** How much of a file is there already, whole or in part. */
export async function presentBytes(file: RemoteFile, target: string): Promise<number> {
  return Math.min((await lengthOf(target)) ?? (await lengthOf(`${target}.part`)) ?? 0, file.size);
}

function newHash({ digest, size }: RemoteFile): Hash {
  return digest.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

async function lengthOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : undefined;

const isFinal = (error: unknown): boolean => FINAL_STATUS.has(statusOf(error) ?? 0);

/** The error for the caller. The hub's own messages carry no token. */
export function failure({ path }: { readonly path: string }, cause: unknown): HubError {
  if (cause instanceof HubError) return cause;
  const status = statusOf(cause);
  const advice =
    status === 401 || status === 403
      ? '; accept the licence on the model’s page and set HF_TOKEN to a token that may read it'
      : '';
  return new HubError(`${path} could not be fetched: ${messageOf(cause)}${advice}`, { cause });
}
