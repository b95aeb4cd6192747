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
  /** The same, and with the values another output as it is, to be fed to a graph. */
  runKeeping(feeds: Feeds, output: string): Promise<{ readonly values: Float32Array; readonly kept: Tensor }>;
  /** Brings the graph into memory. */
  load(): Promise<void>;
  /** Gives its memory back. */
  release(): Promise<void>;
  /** The stage that runs this graph is over: where memory is scarce, what the stage holds is given back. */
  leave(): Promise<void>;
}

/**
 * The sessions of one model on one device. Each is loaded once and kept, unless memory is scarce (`lowVram`): then those
 * of one stage at a time are, from the first run of the stage to its end.
 *
 * A session's arena grows to the most it ever needed and shrinks only with the session. So a run for which memory is
 * short is tried again with all that the other graphs held; and before a smaller run is tried, what the failed one left
 * behind in pieces has been given back too.
 */
export class Sessions {
  readonly #openSession: OpenSession;
  readonly #open = new Map<string, Session>();
  readonly #stages = new Map<string, string>();

  constructor(
    openSession: OpenSession,
    readonly lowVram: boolean,
  ) {
    this.#openSession = openSession;
  }

  /** The graph in a file. Graphs of one stage are run by turns. */
  graph(path: string, stage = path): ModelGraph {
    this.#stages.set(path, stage);
    return {
      run: (feeds) => this.#withRoom(path, async (session) => (await runSession(session, feeds)).values),
      runKeeping: (feeds, output) => this.#withRoom(path, (session) => runKeeping(session, feeds, output)),
      load: () => this.#withRoom(path, () => Promise.resolve()),
      release: () => this.#release(path),
      leave: () => (this.lowVram ? this.#releaseAll((other) => other === stage) : Promise.resolve()),
    };
  }

  /** Gives all memory back. Whatever is run next is loaded again. */
  releaseAll(): Promise<void> {
    return this.#releaseAll(() => true);
  }

  async #releaseAll(ofStage: (stage: string | undefined) => boolean): Promise<void> {
    for (const path of [...this.#open.keys()]) if (ofStage(this.#stages.get(path))) await this.#release(path);
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
    const stage = this.#stages.get(path);
    if (this.lowVram) await this.#releaseAll((other) => other !== stage);
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

/** Runs for the first output and those named. */
async function runSession(
  session: Session,
  feeds: Feeds | Tensor,
  others: readonly string[] = [],
): Promise<{ readonly values: Float32Array; readonly results: Awaited<ReturnType<Session['run']>> }> {
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  const results = await session.run(isTensor(feeds) ? { [input]: feeds } : feeds, [output, ...others]);
  // run() holds the thread, so messages (a cancel among them) wait for a turn of the event loop.
  await setImmediate();
  const values = results[output]?.data;
  if (values instanceof Float32Array) return { values, results };
  throw new PipelineError('invalid_model', `The output \`${output}\` of a graph is not float32`);
}

async function runKeeping(
  session: Session,
  feeds: Feeds,
  output: string,
): Promise<{ readonly values: Float32Array; readonly kept: Tensor }> {
  const { values, results } = await runSession(session, feeds, [output]);
  const kept = results[output];
  if (kept instanceof Tensor) return { values, kept };
  throw new PipelineError('invalid_model', `A graph has no output \`${output}\``);
}
