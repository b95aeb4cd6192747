import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import type {
  ClipNote,
  ClipProgress,
  ClipResult,
  FromWorker,
  Job,
  ToWorker,
  WorkerInfo,
} from './clip-job.js';
import { PipelineError } from './errors.js';
import { lowerPriority } from './lower-priority.js';
import type { ClipPreview } from './preview.js';

/**
 * `starting`: the process loads its model. `idle`, `busy`: as they say. `restarting`: it died and comes back after a
 * pause. `unusable`: the model or the device cannot be used, jobs are refused. `stopped`: stop() was called.
 */
export type WorkerState = 'starting' | 'idle' | 'busy' | 'restarting' | 'unusable' | 'stopped';

export interface WorkerOptions {
  readonly modelFolder: string;
  readonly device: string;
  /** Hold one graph in memory at a time. Default false. */
  readonly lowVram?: boolean;
  /** Evaluate the two branches of guidance one after the other. Default false. */
  readonly halfBatch?: boolean;
  /** The worker's module; another one in tests. */
  readonly entry?: string;
  /** How long a cancelled job may take to end before the process is killed. */
  readonly cancelGraceMs?: number;
  /** The pause before a process that died is replaced; doubled with each death in a row, to at most 30 s. */
  readonly restartDelayMs?: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly onProgress?: (progress: ClipProgress) => void;
  readonly onNote?: (note: ClipNote) => void;
  /** What the clip looks like so far, at most twice a second while it is sampled. */
  readonly onPreview?: (preview: ClipPreview) => void;
}

interface Running extends Pick<RunOptions, 'onProgress' | 'onNote' | 'onPreview'> {
  readonly job: Job;
  readonly settle: (outcome: ClipResult | Error) => void;
}

const MAX_RESTART_DELAY_MS = 30_000;

/**
 * The parent's side of one worker: a child process that owns a device and runs one clip at a time. A session's run
 * blocks its thread for a whole step and native code can crash, so neither happens in the process that serves clients.
 * A process that dies is replaced; a job that does not obey a cancel in time is ended by killing its process.
 *
 * Emits `state` after every change of `state`, `ready` with the worker's description, `died` with the reason, and `done` with
 * each job that was finished and its result.
 */
export class WorkerProcess extends EventEmitter<{
  state: [];
  ready: [WorkerInfo];
  died: [string];
  done: [Job, ClipResult];
}> {
  readonly #options: Required<WorkerOptions>;
  #child: ChildProcess | undefined;
  #state: WorkerState = 'starting';
  #info: WorkerInfo | undefined;
  #unusable: PipelineError | undefined;
  #running: Running | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #deathsInARow = 0;

  constructor(options: WorkerOptions) {
    super();
    this.#options = {
      entry: fileURLToPath(new URL('./worker.js', import.meta.url)),
      cancelGraceMs: 5000,
      restartDelayMs: 500,
      lowVram: false,
      halfBatch: false,
      ...options,
    };
  }

  /** The device as it was asked for. */
  get device(): string {
    return this.#options.device;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Known from the first `ready` on. */
  get info(): WorkerInfo | undefined {
    return this.#info;
  }

  /** Why the worker is `unusable`. */
  get error(): PipelineError | undefined {
    return this.#unusable;
  }

  start(): void {
    const { entry, modelFolder, device, lowVram, halfBatch } = this.#options;
    const flags = [...(lowVram ? ['--low-vram'] : []), ...(halfBatch ? ['--half-batch'] : [])];
    this.#become('starting');
    const child = fork(entry, [modelFolder, device, ...flags], {
      serialization: 'advanced',
      stdio: 'inherit',
    });
    this.#child = child;
    child.on('message', (message: FromWorker) => this.#receive(message));
    child.on('error', (error) => this.#died(child, error.message));
    child.on('exit', (code, signal) => this.#died(child, signal ?? `exit code ${code}`));
    lowerPriority(child);
  }

  /** Resolves when the worker can take a job. @throws PipelineError when it is unusable or stopped */
  async whenReady(): Promise<void> {
    while (this.#state !== 'idle' && this.#state !== 'busy') {
      if (this.#state === 'unusable' && this.#unusable) throw this.#unusable;
      if (this.#state === 'stopped') throw new PipelineError('cancelled', 'The worker was stopped');
      await new Promise<void>((resolve) => this.once('state', resolve));
    }
  }

  /**
   * Runs one job; the worker must not be busy.
   * @throws PipelineError: what ended the clip; `cancelled` after an abort, `timeout`, or `worker_crashed`
   */
  async run(job: Job, options: RunOptions = {}): Promise<ClipResult> {
    const { signal, timeoutMs } = options;
    await this.whenReady();
    if (signal?.aborted) throw new PipelineError('cancelled', 'Cancelled');
    if (this.#running) throw new Error(`Worker is busy with ${this.#running.job.id}`);
    let killTimer: NodeJS.Timeout | undefined;
    let ending: PipelineError | undefined;
    const end = (reason: PipelineError): void => {
      if (ending) return;
      ending = reason;
      this.#send({ type: 'cancel', id: job.id });
      const child = this.#child;
      killTimer = setTimeout(() => child?.kill('SIGKILL'), this.#options.cancelGraceMs);
    };
    const onAbort = (): void => end(new PipelineError('cancelled', 'Cancelled'));
    const deadline =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => end(new PipelineError('timeout', `The clip took longer than ${timeoutMs / 1000} s`)),
            timeoutMs,
          );
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise<ClipResult>((resolve, reject) => {
        const settle = (outcome: ClipResult | Error): void => {
          this.#running = undefined;
          if (this.#state === 'busy') this.#become('idle');
          if (outcome instanceof Error) reject(ending ?? outcome);
          else resolve(outcome);
        };
        this.#running = { ...options, job, settle };
        this.#become('busy');
        this.#send({ type: 'run', job });
      });
    } finally {
      clearTimeout(killTimer);
      clearTimeout(deadline);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the process at once; a running job is rejected with `cancelled`. Resolves when the process is gone. */
  async stop(): Promise<void> {
    clearTimeout(this.#restartTimer);
    this.#become('stopped');
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGKILL');
      await gone;
    }
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#deathsInARow = 0;
        this.#info = message.info;
        this.#become('idle');
        this.emit('ready', message.info);
        break;
      case 'unusable':
        // A worker that has run before is tried again when its process exits: the device may come back.
        if (this.#info) break;
        this.#unusable = new PipelineError(message.error.code, message.error.message);
        this.#become('unusable');
        break;
      case 'progress':
        if (this.#running?.job.id === message.id) this.#running.onProgress?.(message.progress);
        break;
      case 'preview':
        if (this.#running?.job.id === message.id) this.#running.onPreview?.(message.preview);
        break;
      case 'note':
        if (this.#running?.job.id === message.id) this.#running.onNote?.(message.note);
        break;
      case 'done':
        if (this.#running?.job.id === message.id) {
          this.emit('done', this.#running.job, message.result);
          this.#running.settle(message.result);
        }
        break;
      case 'failed':
        if (this.#running?.job.id === message.id) {
          this.#running.settle(new PipelineError(message.error.code, message.error.message));
        }
        break;
    }
  }

  #died(child: ChildProcess, reason: string): void {
    if (child !== this.#child) return; // 'error' and 'exit' may both come
    this.#child = undefined;
    const running = this.#running;
    if (this.#state === 'stopped' || this.#state === 'unusable') {
      running?.settle(new PipelineError('cancelled', 'The worker was stopped'));
      return;
    }
    const delay = Math.min(this.#options.restartDelayMs * 2 ** this.#deathsInARow++, MAX_RESTART_DELAY_MS);
    // The new state comes before the rejection, so that whoever tries again waits for the replacement.
    this.#become('restarting');
    this.#restartTimer = setTimeout(() => this.start(), delay);
    this.emit('died', reason);
    running?.settle(new PipelineError('worker_crashed', `The worker process died (${reason})`));
  }

  #send(message: ToWorker): void {
    // A failed send means that the process is going; its 'exit' settles the job.
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  #become(state: WorkerState): void {
    this.#state = state;
    this.emit('state');
  }
}
