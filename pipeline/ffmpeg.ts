import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PipelineError } from './errors.js';

/** A program that was seen to run and to encode H.264. */
export interface Ffmpeg {
  readonly path: string;
  /** As the program names itself, such as `5.1.9-0+deb12u1`. */
  readonly version: string;
  readonly source: 'FFMPEG_PATH' | 'PATH' | '@ffmpeg-installer/ffmpeg';
}

interface Candidate {
  readonly path: string;
  readonly source: Ffmpeg['source'];
}

const run = promisify(execFile);
const PROBE_LIMIT_MS = 15_000;

let found: Promise<Ffmpeg> | undefined;

/**
 * The ffmpeg to encode with, looked for once per process: see `locateFfmpeg`. A failure is not remembered, so that an
 * ffmpeg installed later is found without a restart.
 */
export function findFfmpeg(): Promise<Ffmpeg> {
  found ??= locateFfmpeg(process.env).catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

/**
 * Looks for an ffmpeg with libx264: the file that `FFMPEG_PATH` names, else `ffmpeg` in the folders of `PATH`, else the
 * binary of the optional package @ffmpeg-installer/ffmpeg. An `FFMPEG_PATH` that does not work is an error, since it is
 * somebody's decision. Throws PipelineError `ffmpeg_missing` that lists what was tried.
 */
export async function locateFfmpeg(env: Readonly<Record<string, string | undefined>>): Promise<Ffmpeg> {
  if (env.FFMPEG_PATH) {
    const path = resolve(env.FFMPEG_PATH);
    try {
      return await probe({ path, source: 'FFMPEG_PATH' });
    } catch (error) {
      throw missing(`FFMPEG_PATH is ${path}: ${reason(error)}. Correct it or unset it`, error);
    }
  }
  const tried: string[] = [];
  for (const candidates of [onPath(env.PATH ?? ''), fromPackage()]) {
    for (const candidate of await candidates) {
      try {
        return await probe(candidate);
      } catch (error) {
        tried.push(`${candidate.path} (${reason(error)})`);
      }
    }
  }
  const list = tried.length > 0 ? tried.join('; ') : 'nothing found';
  throw missing(
    `Tried \`ffmpeg\` on the PATH and the package @ffmpeg-installer/ffmpeg: ${list}. ` +
      'Install ffmpeg or set FFMPEG_PATH',
  );
}

async function onPath(path: string): Promise<readonly Candidate[]> {
  const files = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'ffmpeg'));
  const present = await Promise.all(files.map((file) => access(file).then(() => true, () => false))); // prettier-ignore
  return files.filter((_, i) => present[i]).map((file) => ({ path: file, source: 'PATH' }));
}

async function fromPackage(): Promise<readonly Candidate[]> {
  try {
    const name: string = '@ffmpeg-installer/ffmpeg'; // a string: the project must compile where it is not installed
    const { default: installer } = (await import(name)) as { default: { path: string } };
    return [{ path: installer.path, source: '@ffmpeg-installer/ffmpeg' }];
  } catch {
    return []; // optional: not installed, or no binary for this system
  }
}

/** Runs the candidate once: the banner on stderr names its version, the list on stdout its encoders. */
async function probe({ path, source }: Candidate): Promise<Ffmpeg> {
  await access(path, constants.X_OK).catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? 'no such file' : 'not executable', { cause: error });
  });
  const { stdout, stderr } = await run(path, ['-encoders'], {
    timeout: PROBE_LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 8 << 20,
  }).catch((error: NodeJS.ErrnoException) => {
    throw new Error('it does not run', { cause: error });
  });
  const version = /^ffmpeg version (\S+)/m.exec(stderr)?.[1];
  if (version === undefined) throw new Error('it is not ffmpeg');
  if (!/^\s*V\S*\s+libx264\s/m.test(stdout)) throw new Error(`ffmpeg ${version} without libx264`);
  return { path, version, source };
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const missing = (detail: string, cause?: unknown): PipelineError =>
  new PipelineError('ffmpeg_missing', `No usable ffmpeg with libx264. ${detail}.`, { cause });
