import '../one-runtime.cjs';
import { describe, expect, test } from '@jest/globals';
import { Tensor } from 'onnxruntime-node';
import { Sessions } from '../../pipeline/sessions.js';
import { answering, CUDA_OUT_OF_MEMORY, watch, type Feeds } from './tiny/stand-in.js';

const one = new Tensor('float32', Float32Array.of(1), [1]);

/** Sessions over stand-ins; `beforeRun` may throw. */
function sessions(lowVram: boolean, beforeRun?: (graph: string, feeds: Feeds) => void) {
  const watched = watch(
    answering(() => Float32Array.of(7)),
    beforeRun,
  );
  const all = new Sessions((path) => watched.open(path, {}), lowVram);
  return { ...watched, all, a: all.graph('/m/a.onnx'), b: all.graph('/m/b.onnx') };
}
const memoryFor =
  (graphs: Record<string, number>) =>
  (graph: string): void => {
    if ((graphs[graph] = (graphs[graph] ?? 0) - 1) < 0) return;
    throw new Error(CUDA_OUT_OF_MEMORY);
  };

test('a graph is loaded once, by its first run', async () => {
  const { a, events } = sessions(false);
  expect(await a.run(one)).toEqual(Float32Array.of(7));
  await a.run(one);
  await a.leave();
  await a.run(one);
  expect(events).toEqual(['load a', 'run a', 'run a', 'run a']);
});

test('a tensor alone goes to the first input, and only the first output is asked for', async () => {
  const { a, runs } = sessions(false);
  await a.run(one);
  expect(Object.keys(runs[0].feeds)).toEqual(['in']);
  expect(runs[0].fetches).toEqual(['out']);
});

test('an output that is not float32 is an invalid model', async () => {
  const all = new Sessions(
    () =>
      Promise.resolve({
        inputNames: ['in'],
        outputNames: ['out'],
        run: () => Promise.resolve({ out: { data: new Uint16Array(1) } }),
        release: () => Promise.resolve(),
      }),
    false,
  );
  await expect(all.graph('/m/a.onnx').run(one)).rejects.toMatchObject({ code: 'invalid_model' });
});

describe('low VRAM', () => {
  test('a graph is released at the end of its stage, and loaded again by the next run', async () => {
    const { a, events } = sessions(true);
    await a.run(one);
    await a.run(one);
    await a.leave();
    await a.run(one);
    expect(events).toEqual(['load a', 'run a', 'run a', 'release a', 'load a', 'run a']);
  });

  test('a graph that was not left is released before the next one is loaded', async () => {
    const { a, b, events, most } = sessions(true);
    await a.run(one);
    await b.run(one);
    expect(events).toEqual(['load a', 'run a', 'release a', 'load b', 'run b']);
    expect(most()).toBe(1);
  });
});

describe('out of memory', () => {
  test('a run is tried again with what the other graphs held', async () => {
    const { a, b, events } = sessions(false, memoryFor({ b: 1 }));
    await a.run(one);
    expect(await b.run(one)).toEqual(Float32Array.of(7));
    expect(events).toEqual([
      'load a',
      'run a',
      'load b',
      'run b',
      'release a',
      'release b',
      'load b',
      'run b',
    ]);
  });

  test('a run that fails alone is out of memory, and leaves nothing behind', async () => {
    const { a, b, events } = sessions(false, memoryFor({ b: 9 }));
    await a.load();
    await expect(b.run(one)).rejects.toMatchObject({ code: 'out_of_memory' });
    expect(events.filter((event) => event.startsWith('run'))).toHaveLength(2);
    expect(events.filter((event) => event.startsWith('load'))).toHaveLength(3);
    expect(events.filter((event) => event.startsWith('release'))).toHaveLength(3);
  });

  test('a load that fails is tried again with what the other graphs held', async () => {
    const watched = watch(answering(() => Float32Array.of(7)));
    let open = 0;
    const all = new Sessions(async (path) => {
      if (open === 1) {
        open = 0;
        throw new Error('CUDA failure 2: out of memory');
      }
      open++;
      return watched.open(path, {});
    }, false);
    await all.graph('/m/a.onnx').load();
    await all.graph('/m/b.onnx').load();
    expect(watched.events).toEqual(['load a', 'release a', 'load b']);
  });

  test('any other failure is passed on at once', async () => {
    const fault = new Error('Invalid Feed Input Name:in');
    const { a, b, events } = sessions(false, () => {
      throw fault;
    });
    await b.load();
    await expect(a.run(one)).rejects.toBe(fault);
    expect(events).toEqual(['load b', 'load a', 'run a']);
  });
});
