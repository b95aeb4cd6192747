import type { Tensor } from 'onnxruntime-node';
import type { LoadOptions } from '../../../pipeline/model.js';
import type { Session } from '../../../pipeline/sessions.js';

/** The runtime's words on CUDA. */
export const CUDA_OUT_OF_MEMORY =
  "Non-zero status code returned while running Conv node. Name:'/up/Conv' Status Message: " +
  '/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:359 void* ' +
  'onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) ' +
  'Failed to allocate memory for requested buffer of size 8589934592';

export type Feeds = Readonly<Record<string, Tensor>>;
type Open = NonNullable<LoadOptions['open']>;

/** What happened to the sessions of a model, in order: `load unet`, `run unet`, `release unet`. */
export interface Watched {
  readonly open: Open;
  readonly events: string[];
  readonly runs: { readonly graph: string; readonly feeds: Feeds; readonly fetches: readonly string[] }[];
  /** The most sessions that were open at once. */
  readonly most: () => number;
}

const nameOf = (path: string): string => /([\w-]+)\.onnx$/.exec(path)?.[1] ?? path;

/**
 * Watches sessions that `make` gives. `beforeRun` may throw what the device is to answer.
 */
export function watch(
  make: Open,
  beforeRun: (graph: string, feeds: Feeds) => void = () => undefined,
): Watched {
  const events: string[] = [];
  const runs: Watched['runs'] = [];
  let now = 0;
  let most = 0;
  const open: Open = async (path, options) => {
    const graph = nameOf(path);
    events.push(`load ${graph}`);
    const session = await make(path, options);
    most = Math.max(most, ++now);
    let isOpen = true;
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: async (feeds, fetches) => {
        if (!isOpen) throw new Error(`${graph} was run after its release`);
        events.push(`run ${graph}`);
        // Copied, since the caller may fill the same buffers again.
        const copied = Object.fromEntries(
          Object.entries(feeds).map(([name, { data, dims }]) => [
            name,
            { data: (data as Float32Array).slice(), dims },
          ]),
        );
        runs.push({ graph, feeds: copied as unknown as Feeds, fetches });
        beforeRun(graph, feeds);
        return session.run(feeds, fetches);
      },
      release: async () => {
        events.push(`release ${graph}`);
        if (!isOpen) throw new Error(`${graph} was released twice`);
        isOpen = false;
        now--;
        await session.release();
      },
    };
  };
  return { open, events, runs, most: () => most };
}

/** A session of one input and one output that answers with a function of its first input. */
export const answering =
  (answer: (input: Tensor) => Float32Array): Open =>
  () =>
    Promise.resolve({
      inputNames: ['in'],
      outputNames: ['out', 'more'],
      run: (feeds) => Promise.resolve({ out: { data: answer(Object.values(feeds)[0]) } }),
      release: () => Promise.resolve(),
    } satisfies Session);
