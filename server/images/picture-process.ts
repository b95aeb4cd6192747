import { fork, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { lowerPriority } from '../../pipeline/lower-priority.js';
import { ServiceError } from '../errors.js';
import { residentBytes } from '../process-memory.js';
import type { FromPictureWorker, PictureCall } from './picture-work.js';

/** `crashed`: it died. `timeout`, `memory`: it was killed for going beyond a limit. `unavailable`: it did not start. */
export type ProcessEnd = 'crashed' | 'timeout' | 'memory' | 'unavailable';

/** There is no answer to a call, because its process ended. */
export class PictureProcessError extends Error {
  constructor(
    readonly end: ProcessEnd,
    message: string,
  ) {
    super(message);
    this.name = 'PictureProcessError';
  }
}

export interface PictureProcessOptions {
  /** The worker's module; another one in tests. */
  readonly entry: string;
  /** Resident memory beyond which the process is killed; watched on Linux. */
  readonly memoryBytes: number;
}

const START_MS = 30_000;
const MEMORY_LOOK_MS = 50;
/** What the process may know of the environment: no key, no token. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'FONTCONFIG_FILE', 'FONTCONFIG_PATH', 'TZ'];

/**
 * A child process for calls with bytes from outside, one at a time. It is started by the first call, and anew by the first
 * one after its end. One that takes too long or too much memory is killed.
 */
export class PictureProcess {
  readonly #o: PictureProcessOptions;
  #child: ChildProcess | undefined;
  #ready: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: PictureProcessOptions) {
    this.#o = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process, so that the first call need not wait for it. Never rejects: a call tells what is wrong. */
  async warm(): Promise<void> {
    await this.#start().then(
      () => undefined,
      () => undefined,
    );
  }

  /**
   * Makes one call; the process must not be busy.
   * @throws ServiceError: the call's own refusal; PictureProcessError
   */
  async call(call: PictureCall, limitMs: number): Promise<unknown> {
    const child = await this.#start();
    const watch = watchLimits(child, limitMs, this.#o.memoryBytes);
    try {
      return await exchange(child, call, watch.broken);
    } finally {
      watch.stop();
    }
  }

  /** Ends the process for good. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  async #start(): Promise<ChildProcess> {
    if (this.#stopped) throw new PictureProcessError('unavailable', 'The process for pictures was stopped');
    if (!this.#child) {
      const env = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
      const child = fork(this.#o.entry, [], {
        serialization: 'advanced',
        execArgv: [],
        env,
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      this.#child = child;
      child.once('exit', () => this.#forget(child));
      child.on('error', () => this.#forget(child)); // a failed start has no exit
      this.#ready = started(child);
      lowerPriority(child);
      preferForKilling(child);
    }
    const child = this.#child;
    await this.#ready;
    return child;
  }

  #forget(child: ChildProcess): void {
    if (child === this.#child) this.#child = undefined;
  }
}

const started = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new PictureProcessError('unavailable', `The process for pictures cannot be started: ${reason}`));
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`it was not ready within ${START_MS / 1000} s`);
    }, START_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(signal ?? `exit code ${code}`));
    child.once('message', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Sends a call and waits for its answer. `broken`: the limit for which the process was killed. */
const exchange = (
  child: ChildProcess,
  call: PictureCall,
  broken: () => ProcessEnd | undefined,
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      const reason = signal ?? `exit code ${code}`;
      reject(
        new PictureProcessError(
          broken() ?? 'crashed',
          `The process for pictures died of its work (${reason})`,
        ),
      );
    };
    const onMessage = (answer: FromPictureWorker): void => {
      child.off('exit', onExit);
      if (answer.type === 'done') resolve(answer.result);
      else if (answer.type === 'refused') {
        const { status, code, message, ...detail } = answer.error;
        const { field, allowed } = detail;
        reject(
          new ServiceError(status, code, message, { allowed, ...(field === undefined ? {} : { field }) }),
        );
      } else reject(new Error(answer.type === 'failed' ? answer.message : `Unexpected ${answer.type}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    // A failed send means that the process is going; its exit settles the call.
    child.send(call, (error) => error && child.kill('SIGKILL'));
  });

/** Kills a process that takes too long or too much memory, and remembers why. */
const watchLimits = (child: ChildProcess, limitMs: number, memoryBytes: number) => {
  let broken: ProcessEnd | undefined;
  let over = false;
  const kill = (why: ProcessEnd): void => {
    if (over) return;
    broken ??= why;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => kill('timeout'), limitMs);
  const looks = setInterval(() => {
    void residentBytes(child.pid).then((bytes) => bytes > memoryBytes && kill('memory'));
  }, MEMORY_LOOK_MS);
  return {
    broken: () => broken,
    stop: (): void => {
      over = true;
      clearTimeout(timer);
      clearInterval(looks);
    },
  };
};

/** Where the system itself runs out of memory, it is this process that goes, not the one that answers clients. */
const preferForKilling = ({ pid }: ChildProcess): void => {
  void writeFile(`/proc/${pid}/oom_score_adj`, '1000').catch(() => undefined);
};
