import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import type { ListFileEntry } from '@huggingface/hub';
import { join } from 'node:path';
import { chooseFiles } from './choose-files.js';
import { failure, fetchFile, presentBytes } from './fetch-file.js';
import type { FetchFileOptions, RemoteFile } from './fetch-file.js';
import { requireSpace, type FreeSpace } from '../disk-space.js';
import { HubError } from './hub-error.js';

/** Published models by short name. */
export const KNOWN_MODELS: Readonly<Record<string, string>> = {
  svd: 'stabilityai/stable-video-diffusion-img2vid',
  'svd-xt': 'stabilityai/stable-video-diffusion-img2vid-xt',
  'svd-xt-1.1': 'stabilityai/stable-video-diffusion-img2vid-xt-1-1',
};

/** Models of which only a UNet is published, to be used with another one's other networks. */
const KNOWN_UNETS: Readonly<
  Record<string, { readonly of: string; readonly repository: string; readonly file: string }>
> = {
  'animatelcm-svd-xt': {
    of: 'svd-xt',
    repository: 'wangfuyun/AnimateLCM-SVD-xt',
    file: 'AnimateLCM-SVD-xt.safetensors',
  },
  'animatelcm-svd-xt-1.1': {
    of: 'svd-xt-1.1',
    repository: 'wangfuyun/AnimateLCM-SVD-xt',
    file: 'AnimateLCM-SVD-xt-1.1.safetensors',
  },
};

export const MODEL_NAMES: readonly string[] = [...Object.keys(KNOWN_MODELS), ...Object.keys(KNOWN_UNETS)];

export interface FetchModelOptions extends Pick<FetchFileOptions, 'signal' | 'wait'> {
  /** Which weights where both are published; default fp16, half the size. */
  readonly prefer?: 'fp16' | 'full';
  /** Branch, tag or commit; default main. The whole fetch is pinned to the commit this names at its start. */
  readonly revision?: string;
  readonly token?: string;
  readonly hubUrl?: string;
  /** Told what is about to be fetched, before anything is. */
  readonly onPlan?: (plan: FetchPlan) => void;
  readonly onProgress?: (bytes: number, total: number) => void;
  /** Stands in for the file system's own answer. */
  readonly free?: FreeSpace;
}

export interface FetchPlan {
  readonly repository: string;
  readonly commit: string;
  /** As the repository states it. */
  readonly licence: string;
  readonly files: number;
  /** Of all files, and of what is not there yet. */
  readonly bytes: number;
  readonly missing: number;
}

export interface FetchedModel {
  readonly repository: string;
  readonly commit: string;
  /** As the repository states it. */
  readonly licence: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** Path of the UNet's weights where they are a file of their own. */
  readonly unet?: string;
}

/**
 * Fetches the diffusers pipeline of a repository into a folder that `convertSvd` takes. Can be called again after any
 * failure: what is there is kept.
 * @param model a short name, or OWNER/NAME
 * @throws HubError, DiskSpaceError
 */
export async function fetchModel(
  model: string,
  folder: string,
  options: FetchModelOptions = {},
): Promise<FetchedModel> {
  const unet = Object.hasOwn(KNOWN_UNETS, model) ? KNOWN_UNETS[model] : undefined;
  const pipeline = unet?.of ?? model;
  const repository = Object.hasOwn(KNOWN_MODELS, pipeline) ? KNOWN_MODELS[pipeline] : pipeline;
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(repository)) {
    throw new HubError(`Expected ${MODEL_NAMES.join(', ')} or OWNER/NAME, got '${model}'`);
  }
  const { token, hubUrl, signal } = options;
  if (token !== undefined && !token.startsWith('hf_'))
    throw new HubError('Expected HF_TOKEN to begin with hf_');
  const access = {
    ...(token === undefined ? {} : { accessToken: token }),
    ...(hubUrl === undefined ? {} : { hubUrl }),
    fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) =>
      fetch(input, { ...init, signal: signal ?? null }),
  };
  signal?.throwIfAborted();
  const { commit, ...described } = await describe(repository, options.revision ?? 'main', access);
  const { prefer = 'fp16' } = options;
  const parts = unet === undefined ? undefined : (['vae', 'image_encoder'] as const);
  const remote = await remoteFiles(repository, commit, access, (paths) => chooseFiles(paths, prefer, parts));
  let { licence } = described;
  if (unet !== undefined) {
    const lone = await describe(unet.repository, 'main', access);
    remote.push(...(await remoteFiles(unet.repository, lone.commit, access, only(unet.file))));
    licence += `; of the UNet: ${lone.licence}`;
  }
  const total = remote.reduce((sum, { size }) => sum + size, 0);
  const targetOf = ({ path }: RemoteFile): string => join(folder, ...path.split('/'));
  const present = await Promise.all(remote.map((file) => presentBytes(file, targetOf(file))));
  const missing = total - present.reduce((sum, bytes) => sum + bytes, 0);
  options.onPlan?.({ repository, commit, licence, files: remote.length, bytes: total, missing });
  await requireSpace(folder, missing, options.free);
  let before = 0;
  for (const file of remote) {
    const at = before;
    await fetchFile(file, targetOf(file), {
      ...options,
      onBytes: (count) => options.onProgress?.(at + count, total),
    });
    before += file.size;
  }
  return {
    repository,
    commit,
    licence,
    files: remote.map(({ path }) => path),
    bytes: total,
    ...(unet === undefined ? {} : { unet: join(folder, unet.file) }),
  };
}

interface Access {
  readonly accessToken?: string;
  readonly hubUrl?: string;
  readonly fetch: typeof fetch;
}

interface Description {
  readonly commit: string;
  readonly licence: string;
}

async function describe(repository: string, revision: string, access: Access): Promise<Description> {
  try {
    const additionalFields = ['sha', 'cardData'] as const;
    const info = await modelInfo({
      name: repository,
      revision,
      additionalFields: [...additionalFields],
      ...access,
    });
    if (/^[0-9a-f]{40}$/.test(info.sha)) return { commit: info.sha, licence: licenceOf(info.cardData) };
  } catch (error) {
    throw failure({ path: repository }, error);
  }
  throw new HubError(`${repository}: the hub names no commit for ${revision}`);
}

/** A model card's licence: a well-known one, or one of its own by name and address. */
function licenceOf(card: unknown): string {
  const { license, license_name, license_link } = (card ?? {}) as Record<string, unknown>;
  const name = [license_name, license].find((value) => typeof value === 'string');
  const link = typeof license_link === 'string' ? ` (${license_link})` : '';
  return name === undefined ? `not stated${link}` : `${name}${link}`;
}

async function remoteFiles(
  repository: string,
  commit: string,
  access: Access,
  choose: (paths: readonly string[]) => readonly string[],
): Promise<RemoteFile[]> {
  const at = { repo: { type: 'model', name: repository } as const, revision: commit, ...access };
  const entries = new Map<string, ListFileEntry>();
  try {
    for await (const entry of listFiles({ ...at, recursive: true })) {
      if (entry.type === 'file') entries.set(entry.path, entry);
    }
  } catch (error) {
    throw failure({ path: repository }, error);
  }
  return choose([...entries.keys()]).map((path) => {
    const entry = entries.get(path);
    const hex = entry?.lfs?.oid ?? entry?.oid;
    if (entry === undefined || hex === undefined) throw new HubError(`${path}: the hub gives no hash`);
    return {
      path,
      size: entry.lfs?.size ?? entry.size,
      digest: { kind: entry.lfs === undefined ? 'git' : 'sha256', hex },
      // Plain ranges: the chunked protocol cannot go on in the middle of a file.
      open: async (from) => {
        const blob = await downloadFile({ ...at, path, xet: false });
        if (blob === null) throw new HubError(`${path} is not in ${repository} any more`);
        return blob.slice(from).stream();
      },
    };
  });
}

const only =
  (file: string) =>
  (paths: readonly string[]): readonly string[] => {
    if (paths.includes(file)) return [file];
    throw new HubError(`The repository has no ${file}; it has ${paths.join(', ')}`);
  };
