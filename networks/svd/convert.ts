import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { requireSpace, type FreeSpace } from '../disk-space.js';
import { encodeModel } from '../onnx/index.js';
import { hasCode } from '../system-error.js';
import { openSvdCheckpoint } from './checkpoint.js';
import type { CheckpointOptions, SvdCheckpoint } from './checkpoint.js';
import { describeSvd, SVD_FILES } from './description.js';
import { FolderOccupiedError } from './folder-occupied-error.js';
import { buildSvdGraphs } from './graphs.js';
import type { GraphForm } from './graphs.js';

const RELEASE = '1';
const DESCRIPTION = 'model.json';

export interface ConversionOptions extends CheckpointOptions {
  readonly form?: Partial<GraphForm>;
  /** Default: the folder's name. */
  readonly name?: string;
  readonly licence?: string;
  /** The longest clip; default twice what the model was trained on, 32 at least. */
  readonly maxFrames?: number;
  /** Put the new folder in the place of an old one. */
  readonly replace?: boolean;
  /** Told the bytes of weights written so far, and all there will be. */
  readonly onProgress?: (written: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Stands in for the file system's own answer. */
  readonly free?: FreeSpace;
}

export interface Conversion {
  readonly layout: SvdCheckpoint['layout'];
  readonly form: GraphForm;
  /** Bytes of weights. */
  readonly bytes: number;
  /** Tensors of the source that no network needs. */
  readonly ignored: readonly string[];
  readonly maxFrames: number;
}

/**
 * Converts published SVD weights into a model folder: four graphs, one data file with the weights of all, and
 * `model.json`. The folder appears under its name only when it is whole.
 * @param source a diffusers folder or a single file in Stability's layout
 * @throws CheckpointError naming every fault of the source; FolderOccupiedError when `folder` holds something;
 *   DiskSpaceError
 */
export async function convertSvd(
  source: string,
  folder: string,
  options: ConversionOptions = {},
): Promise<Conversion> {
  const target = resolve(folder);
  await requireFree(target, options.replace);
  const form: GraphForm = { target: 'portable', precision: 'fp32', plain: false, ...options.form };
  if (form.plain && form.target === 'cuda') throw new TypeError('The plain form is portable only');
  const checkpoint = openSvdCheckpoint(source, {
    prefer: form.precision === 'fp16' ? 'fp16' : '',
    ...options,
  });
  await mkdir(dirname(target), { recursive: true });
  await removeLeftovers(target);
  const fresh = `${target}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    await mkdir(fresh);
    const conversion = await writeFolder(checkpoint, fresh, basename(target), form, options);
    await putInPlace(fresh, target);
    return conversion;
  } finally {
    checkpoint.close();
    await rm(fresh, { recursive: true, force: true });
  }
}

/** @throws FolderOccupiedError when a folder that is not to be replaced holds something */
export async function requireFree(folder: string, replace = false): Promise<void> {
  const target = resolve(folder);
  if (!replace && (await entriesOf(target)).length > 0) throw new FolderOccupiedError(target);
}

async function writeFolder(
  checkpoint: SvdCheckpoint,
  folder: string,
  folderName: string,
  form: GraphForm,
  options: ConversionOptions,
): Promise<Conversion> {
  const { configuration, layout, ignored } = checkpoint;
  const maxFrames = options.maxFrames ?? Math.max(32, 2 * configuration.frames);
  const { weights, ...graphs } = buildSvdGraphs(checkpoint, form, maxFrames);
  const hash = createHash('sha256');
  for (const [part, name] of Object.entries(SVD_FILES)) {
    const bytes = encodeModel(graphs[part as keyof typeof graphs], { producer: 'img2vid', version: RELEASE });
    hash.update(bytes);
    await writeWhole(join(folder, name), bytes);
  }
  const total = weights.length;
  await requireSpace(folder, total, options.free);
  const onProgress = (written: number) => options.onProgress?.(written, total);
  await weights.write(join(folder, weights.fileName), onProgress, options.signal);
  // Last, since this file makes the folder a model.
  const description = describeSvd(configuration, form, {
    name: options.name ?? folderName,
    version: `${RELEASE}-${hash.digest('hex').slice(0, 12)}`,
    licence: options.licence ?? 'as published with the weights',
    maxFrames,
  });
  await writeWhole(join(folder, DESCRIPTION), Buffer.from(`${JSON.stringify(description, null, 2)}\n`));
  return { layout, form, bytes: total, ignored, maxFrames };
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Moves what is there aside, so that a reader finds the old folder or the new one, and never a mixture. */
async function putInPlace(fresh: string, target: string): Promise<void> {
  const old = `${fresh}.old`;
  const occupied = (await entriesOf(target)).length > 0;
  if (occupied) await rename(target, old);
  await rename(fresh, target);
  if (occupied) await rm(old, { recursive: true, force: true });
}

/** Removes what conversions into this folder left behind whose process is gone. */
async function removeLeftovers(target: string): Promise<void> {
  const prefix = `${basename(target)}.`;
  for (const entry of await entriesOf(dirname(target))) {
    const owner = entry.startsWith(prefix)
      ? /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(entry.slice(prefix.length))
      : null;
    if (owner === null || isAlive(Number(owner[1]))) continue;
    await rm(join(dirname(target), entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
