import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import type { SamplingState } from '../samplers/index.js';
import { writeAtomically } from './atomic-file.js';
import { systemErrorCode } from './system-error.js';

interface Content {
  readonly format: 1;
  readonly belongsTo: string;
  readonly state: SamplingState;
}

const DIGEST_BYTES = 32;

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Puts a state in the place of the one that was saved before, whole or not at all. `belongsTo` names its run. */
export async function writeCheckpoint(path: string, belongsTo: string, state: SamplingState): Promise<void> {
  const content = serialize({ format: 1, belongsTo, state } satisfies Content);
  await writeAtomically(path, Buffer.concat([digestOf(content), content]));
}

/**
 * The state that was saved; undefined where there is none.
 * @throws Error saying what is wrong with a file that is damaged, or that another run has saved
 */
export async function readCheckpoint(path: string, belongsTo: string): Promise<SamplingState | undefined> {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const content = file.subarray(DIGEST_BYTES);
  if (!digestOf(content).equals(file.subarray(0, DIGEST_BYTES))) throw new Error('it is damaged');
  const { format, belongsTo: owner, state } = deserialize(content) as Content;
  if (format !== 1) throw new Error(`its format is ${String(format)}, not 1`);
  if (owner !== belongsTo) throw new Error('it was saved by another run');
  return state;
}
