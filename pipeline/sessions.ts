import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Tensor } from './onnx-runtime.js';
import { isOutOfMemory } from './device-errors.js';
import { PipelineError } from './errors.js';

export type Feeds = Readonly<Record<string, Tensor>>;

/** What is used of ONNX Runtime's InferenceSession. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    feeds: Feeds,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, { readonly data: unknown } | undefined>>>;
  release(): Promise<void>;
}

/** Loads the graph at `path` on the device. */
export type OpenSession = (path: string) => Promise<Session>;

/** One graph of a model. Its session is there when it is needed, whether or not it is in memory now. */
export interface ModelGraph {
  /**
   * Runs the graph and gives the values of its first output. A tensor alone goes to the first input.
   * @throws PipelineError `out_of_memory` when it does not fit although no other graph holds memory; a smaller run may
   */
  run(feeds: Feeds | Tensor): Promise<Float32Array>;
  /** Brings the graph into memory. */
  load(): Promise<void>;
  /** The stage that runs this graph is over: where memory is scarce, it is given back. */
  leave(): Promise<void>;
}

/**
 * The sessions of one model on one device. Each is loaded once and kept, unless memory is scarce (`lowVram`): then one
 * at a time is, from the first run of its stage to the end of the stage.
 *
 * A session's arena grows to the most it ever needed and shrinks only with the session. So a run for which memory is
 * short is tried again with all that the other graphs held; and before a smaller run is tried, what the failed one left
 * behind in pieces has been given back too.
 */
export class Sessions {
  readonly #openSession: OpenSession;
  readonly #open = new Map<string, Session>();

  constructor(
    openSession: OpenSession,
    readonly lowVram: boolean,
  ) {
    this.#openSession = openSession;
  }

  /** The graph in a file. */
  graph(path: string): ModelGraph {
    return {
      run: (feeds) => this.#withRoom(path, (session) => runSession(session, feeds)),
      load: () => this.#withRoom(path, () => Promise.resolve()),
      leave: () => (this.lowVram ? this.#release(path) : Promise.resolve()),
    };
  }

  /** Gives all memory back. Whatever is run next is loaded again. */
  async releaseAll(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.#release(path);
  }

  async #withRoom<T>(path: string, action: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await action(await this.#session(path));
      } catch (cause) {
        if (!isOutOfMemory(cause)) throw cause;
        const alone = [...this.#open.keys()].every((other) => other === path);
        await this.releaseAll();
        if (!alone) continue;
        throw new PipelineError('out_of_memory', `The device ran out of memory (${basename(path)})`, {
          cause,
        });
      }
    }
  }

  async #session(path: string): Promise<Session> {
    const known = this.#open.get(path);
    if (known) return known;
    if (this.lowVram) await this.releaseAll();
    const session = await this.#openSession(path);
    this.#open.set(path, session);
    return session;
  }

  async #release(path: string): Promise<void> {
    const session = this.#open.get(path);
    this.#open.delete(path);
    await session?.release();
  }
}

const isTensor = (feeds: Feeds | Tensor): feeds is Tensor => feeds instanceof Tensor;

async function runSession(session: Session, feeds: Feeds | Tensor): Promise<Float32Array> {
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  const results = await session.run(isTensor(feeds) ? { [input]: feeds } : feeds, [output]);
  // run() holds the thread, so messages (a cancel among them) wait for a turn of the event loop.
  await setImmediate();
  const data = results[output]?.data;
  if (data instanceof Float32Array) return data;
  throw new PipelineError('invalid_model', `The output \`${output}\` of a graph is not float32`);
}
