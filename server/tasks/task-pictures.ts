import PQueue from 'p-queue';
import { ServiceError } from '../errors.js';
import type { ObtainedPicture, PictureObtainer } from '../images/obtain.js';
import type { MediaStorage } from '../media/storage.js';
import type { PictureParams, Task, TaskSource } from './task.js';

/** One of the pictures that a task begins with. */
interface Wanted {
  readonly source: TaskSource;
  readonly params: PictureParams;
  /** Of a story. */
  readonly scene?: number;
}

/** The pictures that a task begins with: one, or one for each scene of a story. */
function wantedPictures(task: Task): readonly Wanted[] {
  if (task.kind !== 'story') return [{ source: task.source, params: task.params }];
  const { W, H, seed } = task.params;
  return task.source.scenes.map((prompt, scene) => ({
    source: { type: 'prompt', prompt },
    params: { W, H, seed: seed + scene },
    scene,
  }));
}

/** Paths of all pictures that a task begins with, in order. */
export const picturePaths = (task: Task, storage: MediaStorage): readonly string[] =>
  wantedPictures(task).map(({ scene }) => storage.picture(task.id, scene));

/** Whether all pictures that a task begins with lie in storage. */
export async function hasAllPictures(task: Task, storage: MediaStorage): Promise<boolean> {
  const found = wantedPictures(task).map(({ scene }) => storage.hasPicture(task.id, scene));
  return (await Promise.all(found)).every(Boolean);
}

export interface ObtainingOptions {
  readonly signal: AbortSignal;
  /** Called with 0 to 1, over all pictures of the task. */
  readonly onProgress: (share: number) => void;
  /** Is awaited before a picture is stored. */
  readonly onPicture: (picture: ObtainedPicture) => Promise<void>;
}

/** Gets the pictures of tasks and stores them, so many at once as are allowed, whichever tasks they belong to. */
export class TaskPictures {
  readonly #storage: MediaStorage;
  readonly #obtainer: PictureObtainer;
  readonly #calls: PQueue;

  constructor(storage: MediaStorage, obtainer: PictureObtainer, concurrency: number) {
    this.#storage = storage;
    this.#obtainer = obtainer;
    this.#calls = new PQueue({ concurrency });
  }

  /**
   * Gets what is not in storage yet: each picture is stored as it comes, and is not asked for again after an interruption.
   * The first that cannot be had ends the others.
   */
  async obtain(task: Task, { signal, onProgress, onPicture }: ObtainingOptions): Promise<void> {
    const wanted = wantedPictures(task);
    const shares = wanted.map(() => 0);
    // One signal for each: many listeners to the same are taken for a leak.
    const aborts = wanted.map(() => new AbortController());
    const abortAll = (reason: unknown): void => aborts.forEach((abort) => abort.abort(reason));
    const onAbort = (): void => abortAll(signal.reason);
    const obtain = async (picture: Wanted, index: number): Promise<void> => {
      const report = (share: number): void => {
        shares[index] = share;
        onProgress(shares.reduce((sum, part) => sum + part) / shares.length);
      };
      try {
        const options = { signal: aborts[index].signal, onProgress: report, onPicture };
        await this.#obtainOne(task.id, picture, options);
      } catch (error) {
        abortAll(ofScene(picture.scene, error)); // the first one's reason stays
        throw error;
      }
    };
    signal.addEventListener('abort', onAbort);
    try {
      signal.throwIfAborted();
      // All have come to rest before the task goes on or fails: nothing is written behind its back.
      const outcomes = await Promise.allSettled(wanted.map(obtain));
      if (outcomes.some(({ status }) => status === 'rejected')) aborts[0].signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #obtainOne(id: string, { source, params, scene }: Wanted, options: ObtainingOptions): Promise<void> {
    const { signal, onProgress, onPicture } = options;
    if (await this.#storage.hasPicture(id, scene)) {
      onProgress(1);
      return;
    }
    const picture = await this.#inTurn(signal, () => this.#obtainer.obtain(source, params, options));
    await onPicture(picture);
    await this.#storage.write(this.#storage.picture(id, scene), picture.png);
    onProgress(1);
  }

  /** An abort ends the wait for a turn. A call that has begun ends by itself: it may have something to put in order. */
  async #inTurn<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const waiting = new AbortController();
    const stopWaiting = (): void => waiting.abort(signal.reason);
    signal.addEventListener('abort', stopWaiting);
    const begin = (): Promise<T> => {
      signal.removeEventListener('abort', stopWaiting);
      return call();
    };
    return this.#calls.add(begin, { signal: waiting.signal });
  }
}

/** Says which scene it was that there is no picture of. */
const ofScene = (scene: number | undefined, error: unknown): unknown =>
  scene !== undefined && error instanceof ServiceError
    ? new ServiceError(error.status, error.code, `Scene ${scene + 1}: ${error.message}`, { cause: error })
    : error;
