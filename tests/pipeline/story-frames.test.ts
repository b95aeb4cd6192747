import { describe, expect, test } from '@jest/globals';
import { blend, fitFrames, holdStill, joinScenes } from '../../pipeline/story-frames.js';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
async function all(frames: AsyncIterable<Uint8Array>): Promise<number[][]> {
  const seen: number[][] = [];
  for await (const frame of frames) seen.push([...frame]);
  return seen;
}
async function* given(...frames: Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const frame of frames) yield await Promise.resolve(frame);
}

describe('a blend', () => {
  test('is (1 − i/n)·a + (i/n)·b, rounded to the nearest byte, for every pair of bytes', () => {
    for (const [i, n] of [
      [0, 12],
      [1, 12],
      [7, 12],
      [5, 7],
      [999, 1000],
      [12, 12],
    ]) {
      // prettier-ignore
      for (let a = 0; a < 256; a += 5) {
        const b = Uint8Array.from({ length: 256 }, (_, k) => k);
        const mixed = blend(new Uint8Array(256).fill(a), b, i, n);
        // In whole numbers: the distance to the exact value is at most a half.
        mixed.forEach((x, k) => expect(2 * Math.abs(x * n - ((n - i) * a + i * k))).toBeLessThanOrEqual(n));
      }
    }
  });

  test('of what lies just between two bytes is the even one', () => {
    expect(blend(bytes(0, 1, 2, 254), bytes(1, 2, 3, 255), 1, 2)).toEqual(bytes(0, 2, 2, 254));
  });
});

describe('scenes one after the other', () => {
  const scene = (value: number, frames = 2) => holdStill(() => Promise.resolve(bytes(value)), frames);

  test('have their crossfade inserted: it begins with the scene before and stops short of the one after', async () => {
    expect(await all(joinScenes([scene(0), scene(100), scene(200)], 4))).toEqual(
      [0, 0, 0, 25, 50, 75, 100, 100, 100, 125, 150, 175, 200, 200].map((value) => [value]),
    );
  });

  test('without a crossfade follow directly', async () => {
    expect((await all(joinScenes([scene(0), scene(100)], 0))).flat()).toEqual([0, 0, 100, 100]);
  });

  test('that move fade from the last frame of the one to the first of the next', async () => {
    const moving = [given(bytes(0), bytes(10)), given(bytes(30), bytes(90))];
    expect((await all(joinScenes(moving, 2))).flat()).toEqual([0, 10, 10, 20, 30, 90]);
  });

  test('are asked for one after the other, each when its turn comes, and are closed', async () => {
    const events: string[] = [];
    async function* told(name: string): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        events.push(`first ${name}`);
        yield await Promise.resolve(bytes(0));
        events.push(`second ${name}`);
        yield await Promise.resolve(bytes(0));
      } finally {
        events.push(`end ${name}`);
      }
    }
    let taken = 0;
    for await (const frame of joinScenes([told('a'), told('b'), told('c')], 3)) {
      taken += frame.length;
      if (taken === 6) break; // within the second scene
    }
    expect(events).toEqual(['first a', 'second a', 'end a', 'first b', 'end b']);
  });
});

describe('frames fitted in time', () => {
  const ramp = (...values: number[]) => given(...values.map((value) => bytes(value)));

  test.each([
    ['as many', [10, 20, 30], 3, [10, 20, 30]],
    ['twice as dense', [10, 20, 30], 5, [10, 15, 20, 25, 30]],
    ['between places', [0, 30], 4, [0, 10, 20, 30]],
    ['fewer', [10, 20, 30, 40, 50], 3, [10, 30, 50]],
    ['from one', [7], 3, [7, 7, 7]],
    ['to one', [10, 20], 1, [10]],
  ])('%s: the ends stay, and what falls between is blended', async (_, values, wanted, expected) => {
    expect((await all(fitFrames(ramp(...values), values.length, wanted))).flat()).toEqual(expected);
  });

  test('lie evenly for any two numbers of frames', async () => {
    for (let count = 2; count <= 9; count++) {
      for (let wanted = 2; wanted <= 30; wanted++) {
        const values = Array.from({ length: count }, (_, k) => Math.round((k * 240) / (count - 1)));
        const fitted = (await all(fitFrames(ramp(...values), count, wanted))).flat();
        expect(fitted).toHaveLength(wanted);
        fitted.forEach((x, j) => expect(Math.abs(x - (j * 240) / (wanted - 1))).toBeLessThanOrEqual(1.01));
      }
    }
  });
});
