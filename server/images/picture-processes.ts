import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import PQueue from 'p-queue';
import { ServiceError } from '../errors.js';
import { invalidImage } from './picture-errors.js';
import { inspectPicture, PICTURE_LIMITS, type Picture, type PictureLimits } from './picture.js';
import { PictureProcess, PictureProcessError, type ProcessEnd } from './picture-process.js';
import type { Composition, PictureCall, PictureWork } from './picture-work.js';

export interface PictureProcessesOptions {
  /** Processes at most; those after the first are started when they are needed. */
  readonly size?: number;
  /** Calls that may wait for a process before pictures of requests are refused. */
  readonly maxWaiting?: number;
  /** Pixels of the largest picture: it decides how much memory a process may take. */
  readonly pixels?: number;
  /** Milliseconds for which a call may go beyond the decoder's own time limit. */
  readonly graceMs?: number;
  readonly memoryBytes?: number;
  readonly entry?: string;
}

const MEBIBYTE = 2 ** 20;
/** Node and the decoders, with the file and what becomes of it. */
const BASE_BYTES = 512 * MEBIBYTE;
/** The most that the decoders of the four formats were seen to take is 13 bytes a pixel. */
const BYTES_A_PIXEL = 16;
const REASONS: Readonly<Record<Exclude<ProcessEnd, 'unavailable'>, string>> = {
  crashed: 'the decoder broke down over it',
  timeout: 'it takes too long',
  memory: 'it takes too much memory',
};
/** A picture is composed within a second. */
const COMPOSE_SECONDS = 30;

/**
 * A few child processes that do what is done with pictures and words from outside. A decoder that crashes, hangs or takes too
 * much memory ends its process and with it one request; the others go on.
 *
 * Emits `died` when a process ended in a call.
 */
export class PictureProcesses
  extends EventEmitter<{ died: [how: ProcessEnd, message: string] }>
  implements PictureWork
{
  readonly #queue: PQueue;
  readonly #all: readonly PictureProcess[];
  readonly #free: PictureProcess[];
  readonly #graceMs: number;
  /** The same for requests that wait for their answer: refused (503) while too many do. Tasks are bounded by their lane. */
  readonly forRequests: Pick<PictureWork, 'normalise'>;

  constructor(options: PictureProcessesOptions = {}) {
    super();
    const {
      size = 2,
      maxWaiting = 32,
      pixels = PICTURE_LIMITS.pixels,
      graceMs = 3000,
      memoryBytes = BASE_BYTES + BYTES_A_PIXEL * pixels,
      entry = fileURLToPath(new URL('./picture-worker.js', import.meta.url)),
    } = options;
    this.#queue = new PQueue({ concurrency: size });
    this.#all = Array.from({ length: size }, () => new PictureProcess({ entry, memoryBytes }));
    this.#free = [...this.#all];
    this.#graceMs = graceMs;
    this.forRequests = {
      normalise: async (...args) => {
        if (this.#queue.size < maxWaiting) return this.normalise(...args);
        throw new ServiceError(503, 'busy', 'Too many pictures wait to be decoded: try again in a moment');
      },
    };
  }

  /** The processes that are there. */
  get pids(): number[] {
    return this.#all.flatMap(({ pid }) => pid ?? []);
  }

  /** Starts a process, so that the first picture need not wait for it. */
  warm(): Promise<void> {
    return this.#free[this.#free.length - 1].warm();
  }

  async normalise(bytes: Uint8Array, limits: PictureLimits, field: string): Promise<Picture> {
    // What is plainly no picture costs no process, and does not wait for one.
    inspectPicture(bytes, limits, field);
    return (await this.#decode('normalise', [bytes, limits, field], limits, field)) as Picture;
  }

  async cropGrid(bytes: Uint8Array, cell: number, limits: PictureLimits, field: string): Promise<Buffer> {
    return (await this.#decode('cropGrid', [bytes, cell, limits, field], limits, field)) as Buffer;
  }

  async compose(composition: Composition): Promise<Buffer> {
    return (await this.#call({ operation: 'compose', args: [composition] }, COMPOSE_SECONDS)) as Buffer;
  }

  /** Ends all processes for good; calls that run or come later are rejected. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((process) => process.stop()));
  }

  /** A picture that ends its process is at fault: a second one has told by then that it was no accident. */
  async #decode(
    operation: PictureCall['operation'],
    args: readonly unknown[],
    { seconds }: PictureLimits,
    field: string,
  ): Promise<unknown> {
    try {
      return await this.#call({ operation, args }, seconds);
    } catch (error) {
      if (!(error instanceof PictureProcessError)) throw error;
      if (error.end === 'unavailable') {
        throw new ServiceError(503, 'unavailable', 'Pictures cannot be decoded at the moment', {
          cause: error,
        });
      }
      throw invalidImage(`the picture could not be decoded: ${REASONS[error.end]}`, field, error);
    }
  }

  async #call(call: PictureCall, seconds: number): Promise<unknown> {
    return this.#queue.add(async () => {
      // One is always free: no more calls run at once than there are processes. The last one used is warm.
      const process = this.#free.pop() as PictureProcess;
      try {
        return await this.#withSecondTry(process, call, seconds * 1000 + this.#graceMs);
      } finally {
        this.#free.push(process);
      }
    });
  }

  /** Tries again where the process just died: it may have been killed for a reason that has nothing to do with the call. */
  async #withSecondTry(process: PictureProcess, call: PictureCall, limitMs: number): Promise<unknown> {
    try {
      return await this.#once(process, call, limitMs);
    } catch (error) {
      if (!(error instanceof PictureProcessError) || error.end !== 'crashed') throw error;
      return this.#once(process, call, limitMs);
    }
  }

  async #once(process: PictureProcess, call: PictureCall, limitMs: number): Promise<unknown> {
    try {
      return await process.call(call, limitMs);
    } catch (error) {
      if (error instanceof PictureProcessError) this.emit('died', error.end, error.message);
      throw error;
    }
  }
}
