import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Graph } from '../onnx/index.js';
import { encodeModel } from '../onnx/index.js';
import { imageEncoderGraph, vaeDecoderGraph, vaeEncoderGraph } from './coders.js';
import { describeKenburns, FILES } from './description.js';
import { ModelFolderError } from './model-folder-error.js';
import { denoiserGraph } from './unet.js';

const RELEASE = '1';
const DESCRIPTION = 'model.json';
/** Each failed attempt means that another process changed the folder in between; it takes very many to lose often. */
const ATTEMPTS = 20;

type Contents = ReadonlyMap<string, Buffer>;

/**
 * Writes the embedded model's folder: `model.json` and four graphs, about 20 kB. Does nothing when the same version is
 * there already. The folder appears whole or not at all, and any number of processes may call this at once. Throws
 * ModelFolderError when the folder holds files that are not this model's.
 */
export async function writeKenburns(folder: string): Promise<void> {
  const target = resolve(folder);
  const contents = modelContents();
  if (await isCurrent(target, contents)) return;
  await mkdir(dirname(target), { recursive: true });
  const fresh = temporaryName(target);
  try {
    await mkdir(fresh);
    for (const [name, bytes] of contents) await writeFile(join(fresh, name), bytes);
    await replaceFolder(target, fresh, contents);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

function modelContents(): Contents {
  const header = { producer: 'img2vid', version: RELEASE };
  const encode = (graph: Graph) => Buffer.from(encodeModel(graph, header));
  const contents = new Map<string, Buffer>([
    [FILES.unet, encode(denoiserGraph())],
    [FILES.vae_encoder, encode(vaeEncoderGraph())],
    [FILES.vae_decoder, encode(vaeDecoderGraph())],
    [FILES.image_encoder, encode(imageEncoderGraph())],
  ]);
  // The version follows the graphs' bytes, so a change of theirs can never go by unnoticed.
  const hash = createHash('sha256');
  for (const bytes of contents.values()) hash.update(bytes);
  const description = describeKenburns(`${RELEASE}-${hash.digest('hex').slice(0, 12)}`);
  return contents.set(DESCRIPTION, Buffer.from(`${JSON.stringify(description, null, 2)}\n`));
}

/** Whether the folder holds this very description, and each graph at its full length. */
async function isCurrent(folder: string, contents: Contents): Promise<boolean> {
  try {
    const description = await readFile(join(folder, DESCRIPTION));
    if (contents.get(DESCRIPTION)?.compare(description) !== 0) return false;
    for (const [name, bytes] of contents) {
      if ((await stat(join(folder, name))).size !== bytes.length) return false;
    }
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function replaceFolder(target: string, fresh: string, contents: Contents): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(fresh, target); // succeeds only where nothing or an empty folder is
      return;
    } catch (error) {
      const occupied = isCode(error, 'ENOTEMPTY', 'EEXIST', 'EPERM');
      if (!occupied || attempt === ATTEMPTS) throw error;
    }
    if (await isCurrent(target, contents)) return; // another process was faster
    await moveAside(target);
  }
}

async function moveAside(target: string): Promise<void> {
  const old = temporaryName(target);
  try {
    const known = new Set<string>([DESCRIPTION, ...Object.values(FILES)]);
    const stranger = (await readdir(target)).find((entry) => !known.has(entry));
    if (stranger !== undefined) throw new ModelFolderError(target, stranger);
    await rename(target, old);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return; // another process moved it first
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

const temporaryName = (target: string): string =>
  `${target}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;

const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
