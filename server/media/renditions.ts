import { execFile } from 'node:child_process';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import PQueue from 'p-queue';
import { findFfmpeg } from '../../pipeline/ffmpeg.js';
import { ServiceError } from '../errors.js';
import type { MediaStorage } from './storage.js';
import { writeTar } from './tar.js';

const run = promisify(execFile);

/** Other forms of a finished variation, made of its files when somebody asks for them. */
export type Rendition = 'gif' | 'webp' | 'frames' | 'small';

/** The files of one variation. */
export interface VariationFiles {
  readonly video: string;
  readonly thumbnail: string;
}

interface Recipe {
  readonly name: (files: VariationFiles) => string;
  /** Writes the file `target` of the variation's files, which lie under the paths given. */
  readonly make: (files: VariationFiles, target: string, work: string) => Promise<void>;
}

/** Below the 100 s after which a pod's proxy cuts an answer off. */
const LIMIT_MS = 80_000;
const AT_ONCE = 2;
/** Longest side of a small thumbnail: sharp on a dense screen, and a few kilobytes. */
const SMALL_SIDE = 192;
const TWO_PASSES = '[0:v]split[a][b];[a]palettegen[palette];[b][palette]paletteuse=dither=sierra2_4a';

const stem = (file: string): string => file.replace(/\.\w+$/, '');

const RECIPES: Readonly<Record<Rendition, Recipe>> = {
  gif: {
    name: ({ video }) => `${stem(video)}.gif`,
    make: ({ video }, target) => ffmpeg(video, ['-filter_complex', TWO_PASSES, '-loop', '0', target]),
  },
  webp: {
    name: ({ video }) => `${stem(video)}.webp`,
    make: ({ video }, target) =>
      ffmpeg(video, ['-c:v', 'libwebp_anim', '-quality', '80', '-loop', '0', target]),
  },
  frames: {
    name: ({ video }) => `${stem(video)}.tar`,
    make: async ({ video }, target, work) => {
      const folder = join(work, 'frames');
      await mkdir(folder);
      await ffmpeg(video, ['-f', 'image2', join(folder, 'frame-%04d.png')]);
      await writeTar(folder, target);
    },
  },
  small: {
    name: ({ thumbnail }) => `${stem(thumbnail)}.webp`,
    make: async ({ thumbnail }, target) => {
      const { sharp } = await import('../images/safe-sharp.js'); // loaded when it is first needed
      await sharp(thumbnail).resize(SMALL_SIDE, SMALL_SIDE, { fit: 'inside' }).webp().toFile(target);
    },
  },
};

/** Reads a video that we made ourselves: the demuxer is fixed, and nothing but that file can be opened. */
async function ffmpeg(video: string, output: readonly string[]): Promise<void> {
  const { path } = await findFfmpeg();
  const input = ['-v', 'error', '-protocol_whitelist', 'file', '-f', 'mov', '-i', video];
  await run(path, [...input, ...output], { timeout: LIMIT_MS, killSignal: 'SIGKILL' });
}

/** Makes renditions, each once, a few at a time, and keeps them beside the files that they were made of. */
export class Renditions {
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  readonly #making = new Map<string, Promise<void>>();

  constructor(private readonly storage: MediaStorage) {}

  /**
   * The path of a rendition of a finished task, where nothing lies when the files it is made of are gone.
   * @throws ServiceError `rendition_failed`
   */
  async path(id: string, kind: Rendition, files: VariationFiles): Promise<string> {
    const path = this.storage.file(id, RECIPES[kind].name(files));
    if ((await this.#exists(path)) || !(await this.#exists(this.storage.file(id, files.video)))) return path;
    const making =
      this.#making.get(path) ?? this.#make(id, kind, files, path).finally(() => this.#making.delete(path));
    this.#making.set(path, making);
    await making;
    return path;
  }

  async #exists(path: string): Promise<boolean> {
    const handle = await this.storage.open(path);
    await handle?.close();
    return handle !== undefined;
  }

  #make(id: string, kind: Rendition, files: VariationFiles, path: string): Promise<void> {
    const { storage } = this;
    const { name, make } = RECIPES[kind];
    return this.#queue.add(async () => {
      const work = await storage.createWork(id);
      const paths = { video: storage.file(id, files.video), thumbnail: storage.file(id, files.thumbnail) };
      try {
        const made = join(work, name(files));
        await make(paths, made, work);
        await rename(made, path); // whole, or not at all
      } catch (cause) {
        throw new ServiceError(500, 'rendition_failed', `The ${kind} of this clip could not be made`, {
          cause,
        });
      } finally {
        await storage.removeWork(work);
      }
    });
  }
}
