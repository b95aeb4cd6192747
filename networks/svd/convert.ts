import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { requireSpace, type FreeSpace } from '../disk-space.js';
import { encodeModel } from '../onnx/index.js';
import type { Graph } from '../onnx/index.js';
import { hasCode } from '../system-error.js';
import type { WeightFile } from '../weights/index.js';
import { openSvdCheckpoint } from './checkpoint.js';
import type { CheckpointOptions, SvdCheckpoint } from './checkpoint.js';
import {
  describeSvd,
  latentDivisor,
  shallowFile,
  SVD_FILES,
  TRAINED_HEIGHT,
  TRAINED_WIDTH,
} from './description.js';
import type { RecipeName } from './description.js';
import { FolderOccupiedError } from './folder-occupied-error.js';
import { buildSvdGraphs } from './graphs.js';
import type { GraphForm, SvdGraphs } from './graphs.js';
import { memoryNeeds } from './memory-needs.js';
import { shallowCosts } from './shallow-cost.js';

const RELEASE = '1';
const DESCRIPTION = 'model.json';
/** Names, in an unfinished folder, what it is to become. */
const IDENTITY = '.identity';
/** Ends the name of a folder whose conversion was aborted and can be gone on with. */
const INTERRUPTED = '.interrupted';

export interface ConversionOptions extends CheckpointOptions {
  readonly form?: Partial<GraphForm>;
  /** Default: the folder's name. */
  readonly name?: string;
  readonly licence?: string;
  /** The longest clip; default twice what the model was trained on, 32 at least. */
  readonly maxFrames?: number;
  /** Branches at which the UNet's features can be kept from step to step (DeepCache); default none. */
  readonly branches?: readonly number[];
  /** How the model is best sampled; default by the name of the file given as `unet`: `lcm` where it has that in it. */
  readonly recipe?: RecipeName;
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
 * Converts published SVD weights into a model folder: four graphs and one for each branch, one data file with the weights of all, and
 * `model.json`. The folder appears under its name only when it is whole. What an interrupted conversion of the same
 * weights into the same form left behind is gone on with.
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
  const fresh = `${target}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    const plan = await planFolder(checkpoint, source, basename(target), form, options);
    await beginOrGoOn(fresh, target, plan.identity);
    const conversion = await writeFolder(plan, fresh, form, checkpoint, options);
    await rm(join(fresh, IDENTITY));
    await putInPlace(fresh, target);
    return conversion;
  } catch (error) {
    // An interrupted conversion is left to go on with; after a fault there is nothing to go on with.
    if (options.signal?.aborted === true) await setAside(fresh, `${target}${INTERRUPTED}`);
    else await rm(fresh, { recursive: true, force: true });
    throw error;
  } finally {
    checkpoint.close();
  }
}

/** @throws FolderOccupiedError when a folder that is not to be replaced holds something */
export async function requireFree(folder: string, replace = false): Promise<void> {
  const target = resolve(folder);
  if (!replace && (await entriesOf(target)).length > 0) throw new FolderOccupiedError(target);
}

/** Everything about a model folder but the bytes of its weights. */
interface FolderPlan {
  readonly weights: WeightFile;
  /** Files that are written whole, the description last: it makes the folder a model. */
  readonly files: readonly (readonly [name: string, bytes: Uint8Array])[];
  readonly maxFrames: number;
  /** Equal for equal files made from the same, unchanged sources. */
  readonly identity: string;
}

async function planFolder(
  { configuration, ...checkpoint }: SvdCheckpoint,
  source: string,
  folderName: string,
  form: GraphForm,
  options: ConversionOptions,
): Promise<FolderPlan> {
  const maxFrames = options.maxFrames ?? Math.max(32, 2 * configuration.frames);
  const branches = [...new Set(options.branches)].sort((a, b) => a - b);
  const graphs = buildSvdGraphs({ configuration, ...checkpoint }, form, { maxFrames, branches });
  const hash = createHash('sha256');
  const graphFiles = filesOf(graphs).map(([name, graph]) => {
    const bytes = encodeModel(graph, { producer: 'img2vid', version: RELEASE });
    hash.update(bytes);
    return [name, bytes] as const;
  });
  const version = `${RELEASE}-${hash.copy().digest('hex').slice(0, 12)}`;
  const identified = {
    name: options.name ?? folderName,
    version,
    licence: options.licence ?? 'as published with the weights',
    maxFrames,
    recipe: options.recipe ?? (/lcm/i.test(basename(options.unet ?? '')) ? 'lcm' : 'svd'),
  } as const;
  const divisor = latentDivisor(configuration);
  const size = {
    frames: configuration.frames,
    height: TRAINED_HEIGHT / divisor,
    width: TRAINED_WIDTH / divisor,
  };
  const description = describeSvd(configuration, form, identified, {
    costs: shallowCosts(graphs, configuration.unet, size),
    // The plain form's scores grow with the square of the number of pixels.
    memory: form.plain ? undefined : memoryNeeds(graphs, configuration, size, divisor),
  });
  const sources = [source, ...(options.unet === undefined ? [] : [options.unet])];
  const text = Buffer.from(`${JSON.stringify(description, null, 2)}\n`);
  const identity = hash
    .update(text)
    .update(JSON.stringify(await Promise.all(sources.map(traces))))
    .digest('hex');
  return { weights: graphs.weights, files: [...graphFiles, [DESCRIPTION, text]], maxFrames, identity };
}

/** Every graph with the name of its file. */
const filesOf = ({ shallow, ...graphs }: SvdGraphs): (readonly [name: string, graph: Graph])[] => [
  ...Object.entries(SVD_FILES).map(([part, name]) => [name, graphs[part as keyof typeof SVD_FILES]] as const),
  ...[...shallow].map(([branch, graph]) => [shallowFile(branch), graph] as const),
];

/** Name, length and time of change of every file of the source. */
async function traces(source: string): Promise<readonly unknown[]> {
  const { size, mtimeMs } = await stat(source);
  if (!(await stat(source)).isDirectory()) return [resolve(source), size, mtimeMs];
  const names = (await readdir(source, { recursive: true })).filter((name) => name.endsWith('.safetensors'));
  return Promise.all(names.sort().map(async (name) => [name, ...(await traces(join(source, name)))]));
}

async function writeFolder(
  { weights, files, maxFrames }: FolderPlan,
  folder: string,
  form: GraphForm,
  { layout, ignored }: SvdCheckpoint,
  options: ConversionOptions,
): Promise<Conversion> {
  const total = weights.length;
  await requireSpace(folder, total - (await lengthOf(join(folder, weights.fileName))), options.free);
  const onProgress = (written: number) => options.onProgress?.(written, total);
  await weights.write(join(folder, weights.fileName), onProgress, options.signal);
  for (const [name, bytes] of files) await writeWhole(join(folder, name), bytes);
  return { layout, form, bytes: total, ignored, maxFrames };
}

async function lengthOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'w');
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

/**
 * Makes the folder `fresh`, or turns into it what a conversion with the same identity left behind whose process is gone.
 * Other leftovers of such processes are removed. A rename decides between two that want the same one.
 */
async function beginOrGoOn(fresh: string, target: string, identity: string): Promise<void> {
  for (const leftover of await leftovers(target)) {
    const found = await readFile(join(leftover, IDENTITY), 'utf8').catch(() => '');
    if (found !== identity) await rm(leftover, { recursive: true, force: true });
    else if (await renamed(leftover, fresh)) return;
  }
  await mkdir(fresh);
  await writeWhole(join(fresh, IDENTITY), Buffer.from(identity));
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTEMPTY')) return false;
    throw error;
  }
}

/** Puts an unfinished folder in the place of an older one. One that was not begun yet is not there. */
async function setAside(fresh: string, to: string): Promise<void> {
  if ((await entriesOf(fresh)).length === 0) return;
  await rm(to, { recursive: true, force: true });
  await rename(fresh, to);
}

/** Folders of conversions into `target` that were aborted, or whose process is gone. */
async function leftovers(target: string): Promise<string[]> {
  const prefix = `${basename(target)}.`;
  const abandoned = (await entriesOf(dirname(target))).filter((entry) => {
    if (entry === `${basename(target)}${INTERRUPTED}`) return true;
    const owner = entry.startsWith(prefix)
      ? /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(entry.slice(prefix.length))
      : null;
    return owner !== null && !isAlive(Number(owner[1]));
  });
  return abandoned.map((entry) => join(dirname(target), entry));
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
