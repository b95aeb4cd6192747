import { afterAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import fc from 'fast-check';
import { GridBuilder, gridLayout } from '../../pipeline/grid.js';
import { writeVideo } from '../../pipeline/video-file.js';
import { ffmpegs, inspectVideo, paint, temporaryFolder } from './media-helpers.js';

const folder = temporaryFolder();
afterAll(folder.remove);

describe('gridLayout', () => {
  test.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 3, 1],
    [4, 2, 2],
    [5, 3, 2],
    [6, 3, 2],
    [7, 3, 3],
    [9, 3, 3],
    [10, 4, 3],
  ])('puts %i variations into %i columns and %i rows', (variations, columns, rows) => {
    expect(gridLayout(variations, 128, 64, 5)).toEqual({
      columns,
      rows,
      cellWidth: 128,
      cellHeight: 64,
      width: columns * 128,
      height: rows * 64,
    });
  });

  test('shrinks wide and tall clips to 2560 pixels', () => {
    expect(gridLayout(3, 1024, 576, 25)).toMatchObject({
      cellWidth: 852,
      cellHeight: 480,
      width: 2556,
      height: 480,
    });
    expect(gridLayout(10, 1024, 576, 25)).toMatchObject({ cellWidth: 640, cellHeight: 360, width: 2560 });
    expect(gridLayout(4, 576, 2048, 25)).toMatchObject({ cellWidth: 360, cellHeight: 1280, height: 2560 });
    expect(gridLayout(1, 1024, 576, 25)).toMatchObject({ width: 1024, height: 576 });
  });

  test('always has even sides, room for all, bounded size and memory, and cells in proportion', () => {
    const side = fc.integer({ min: 4, max: 256 }).map((n) => n * 8);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        side,
        side,
        fc.integer({ min: 1, max: 500 }),
        (n, w, h, t) => {
          const grid = gridLayout(n, w, h, t);
          expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(n);
          expect((grid.rows - 1) * grid.columns).toBeLessThan(n);
          expect([grid.width, grid.height]).toEqual([
            grid.columns * grid.cellWidth,
            grid.rows * grid.cellHeight,
          ]);
          for (const length of [grid.cellWidth, grid.cellHeight]) expect(length % 2).toBe(0);
          expect(Math.max(grid.width, grid.height)).toBeLessThanOrEqual(2560);
          expect(grid.cellWidth).toBeLessThanOrEqual(w);
          expect(grid.cellHeight).toBeLessThanOrEqual(h);
          expect(grid.width * grid.height * 3 * t).toBeLessThanOrEqual(384 * 2 ** 20);
          const stretch = (grid.cellWidth / w) * h; // the height that would keep the proportions exactly
          expect(Math.abs(stretch - grid.cellHeight)).toBeLessThanOrEqual(2 + (2 * h) / w);
        },
      ),
    );
  });

  test('refuses what is no count', () => {
    expect(() => gridLayout(0, 64, 64, 5)).toThrow(/`variations`.*0/);
    expect(() => gridLayout(2, 64, 64.5, 5)).toThrow(/`height`.*64.5/);
  });
});

describe('GridBuilder', () => {
  const flat = (value: number) => new Uint8Array(64 * 32 * 3).fill(value);

  test('puts each frame of each variation, in any order, at its place and leaves the rest black', async () => {
    const grid = new GridBuilder(5, 64, 32, 2);
    const order = [4, 0, 3, 1, 2];
    for (const v of order) for (const t of [1, 0]) await grid.add(v, t, flat(20 + 40 * v + 5 * t));
    const frames = [...grid.frames()];
    expect(frames).toHaveLength(2);
    frames.forEach((frame, t) => {
      const cell = (v: number) => (v < 5 ? 20 + 40 * v + 5 * t : 0);
      const expected = paint(192, 64, (x, y) => {
        const value = cell(Math.floor(y / 32) * 3 + Math.floor(x / 64));
        return [value, value, value];
      });
      expect(Buffer.compare(frame, expected)).toBe(0);
    });
  });

  test('scales the picture down and keeps what it shows', async () => {
    const clip = paint(1280, 640, (x, y) => [x < 640 ? 200 : 40, y < 320 ? 180 : 20, 100]);
    const grid = new GridBuilder(4, 1280, 640, 1);
    expect(grid.layout).toMatchObject({ width: 2560, height: 1280 });
    const wide = new GridBuilder(3, 1280, 640, 1);
    for (const v of [0, 1, 2]) await wide.add(v, 0, clip);
    const { cellWidth, cellHeight, width } = wide.layout;
    expect([cellWidth, cellHeight]).toEqual([852, 426]);
    const [frame] = [...wide.frames()];
    const at = (x: number, y: number) => [...frame.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
    for (const v of [0, 1, 2]) {
      expect(at(v * cellWidth + 100, 100)).toEqual([200, 180, 100]);
      expect(at(v * cellWidth + 800, 100)).toEqual([40, 180, 100]);
      expect(at(v * cellWidth + 100, 400)).toEqual([200, 20, 100]);
    }
  });

  test('does not keep the frame that it was given', async () => {
    const grid = new GridBuilder(1, 64, 32, 1);
    const frame = flat(90);
    await grid.add(0, 0, frame);
    frame.fill(1);
    expect([...grid.frames()][0][0]).toBe(90);
  });

  test('names what is missing, out of place or of the wrong size', async () => {
    const grid = new GridBuilder(2, 64, 32, 2);
    await grid.add(0, 0, flat(1));
    await grid.add(0, 1, flat(1));
    await grid.add(1, 0, flat(1));
    expect(() => [...grid.frames()]).toThrow('Frame 1 of variation 1 is missing');
    await expect(grid.add(2, 0, flat(1))).rejects.toThrow('no frame 0 of variation 2');
    await expect(grid.add(1, 2, flat(1))).rejects.toThrow('no frame 2 of variation 1');
    await expect(grid.add(1, 1, flat(1).subarray(3))).rejects.toThrow('6144 bytes, got 6141');
  });

  test('is fed by the videos that are written, and becomes one itself', async () => {
    const [[, ffmpeg]] = ffmpegs;
    const grid = new GridBuilder(3, 64, 32, 4);
    const common = { ffmpeg, fps: 6, count: 4, timeoutMs: 20_000 };
    for (const v of [0, 1, 2]) {
      const frames = [0, 1, 2, 3].map((t) => flat(60 * v + 10 * t));
      const onFrame = (frame: Uint8Array, t: number) => grid.add(v, t, frame);
      await writeVideo({
        ...common,
        frames,
        width: 64,
        height: 32,
        target: join(folder.path, `${v}.mp4`),
        onFrame,
      });
    }
    const { width, height } = grid.layout;
    const target = join(folder.path, 'grid.mp4');
    await writeVideo({ ...common, frames: grid.frames(), width, height, target });
    expect(await inspectVideo(target)).toMatchObject({ size: [192, 32], packets: 4 });
  });
});
