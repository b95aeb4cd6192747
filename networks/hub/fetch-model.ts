import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import type { ListFileEntry } from '@huggingface/hub';
import { join } from 'node:path';
import { chooseFiles } from './choose-files.js';
import { failure, fetchFile } from './fetch-file.js';
import type { FetchFileOptions, RemoteFile } from './fetch-file.js';
import { HubError } from './hub-error.js';

/** Published models by short name. */
export const KNOWN_MODELS: Readonly<Record<string, string>> = {
  svd: 'stabilityai/stable-video-diffusion-img2vid',
  'svd-xt': 'stabilityai/stable-video-diffusion-img2vid-xt',
  'svd-xt-1.1': 'stabilityai/stable-video-diffusion-img2vid-xt-1-1',
};

export interface FetchModelOptions extends Pick<FetchFileOptions, 'signal' | 'wait'> {
  /** Which weights where both are published; default fp16, half the size. */
  readonly prefer?: 'fp16' | 'full';
  /** Branch, tag or commit; default main. The whole fetch is pinned to the commit this names at its start. */
  readonly revision?: string;
  readonly token?: string;
  readonly hubUrl?: string;
  readonly onProgress?: (bytes: number, total: number) => void;
}

export interface FetchedModel {
  readonly repository: string;
  readonly commit: string;
  readonly files: readonly string[];
  readonly bytes: number;
}

/**
 * Fetches the diffusers pipeline of a repository into a folder that `convertSvd` takes. Can be called again after any
 * failure: what is there is kept.
 * @param model a short name, or OWNER/NAME
 * @throws HubError
 */
export async function fetchModel(
  model: string,
  folder: string,
  options: FetchModelOptions = {},
): Promise<FetchedModel> {
  const repository = Object.hasOwn(KNOWN_MODELS, model) ? KNOWN_MODELS[model] : model;
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(repository)) {
    throw new HubError(`Expected ${Object.keys(KNOWN_MODELS).join(', ')} or OWNER/NAME, got '${model}'`);
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
  const commit = await commitOf(repository, options.revision ?? 'main', access);
  const remote = await remoteFiles(repository, commit, options.prefer ?? 'fp16', access);
  const total = remote.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const file of remote) {
    const at = before;
    await fetchFile(file, join(folder, ...file.path.split('/')), {
      ...options,
      onBytes: (count) => options.onProgress?.(at + count, total),
    });
    before += file.size;
  }
  return { repository, commit, files: remote.map(({ path }) => path), bytes: total };
}

interface Access {
  readonly accessToken?: string;
  readonly hubUrl?: string;
  readonly fetch: typeof fetch;
}

async function commitOf(repository: string, revision: string, access: Access): Promise<string> {
  try {
    const info = await modelInfo({ name: repository, revision, additionalFields: ['sha'], ...access });
    if (/^[0-9a-f]{40}$/.test(info.sha)) return info.sha;
  } catch (error) {
    throw failure({ path: repository }, error);
  }
  throw new HubError(`${repository}: the hub names no commit for ${revision}`);
}

async function remoteFiles(
  repository: string,
  commit: string,
  prefer: 'fp16' | 'full',
  access: Access,
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
  return chooseFiles([...entries.keys()], prefer).map((path) => {
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
