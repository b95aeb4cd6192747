import { describe, expect, test } from '@jest/globals';
import { createPreviewer, type ClipPreview } from '../../pipeline/preview.js';

/** Red is channel 0, blue is channel 1 halved, green is fixed. */
const colours = {
  matrix: [
    [1, 0, 0],
    [0, 0, 0.5],
  ] as [number, number, number][],
  bias: [0, 0.2, 0] as [number, number, number],
};

function previewer(fps = 10) {
  const shown: ClipPreview[] = [];
  const clock = { ms: 0 };
  const preview = createPreviewer(colours, {
    fps,
    onPreview: (made) => shown.push(made),
    now: () => clock.ms,
  });
  return { preview, shown, clock };
}

describe('a preview', () => {
  test('is the latents through the colour matrix, clamped to what can be shown', () => {
    const { preview, shown } = previewer();
    // One frame of 1×3: channel 0 then channel 1.
    preview(Float32Array.of(1, 0.4, -5, 0, 1, 9), [1, 2, 1, 3]);
    expect(shown).toEqual([
      {
        width: 3,
        height: 1,
        frames: 1,
        frameMs: 100,
        rgb: Uint8Array.of(255, 51, 0, 102, 51, 128, 0, 51, 255),
      },
    ]);
  });

  test('leaves out frames, rows and columns evenly until it is small, and keeps the clip’s pace', () => {
    const [frames, rows, columns] = [25, 100, 300];
    const latents = new Float32Array(frames * 2 * rows * columns);
    for (let f = 0; f < frames; f++) {
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          latents[(f * 2 * rows + y) * columns + x] = x / 300; // red: the column
          latents[((f * 2 + 1) * rows + y) * columns + x] = (f * 100 + y) / 2500; // blue: frame and row
        }
      }
    }
    const { preview, shown } = previewer(25);
    preview(latents, [frames, 2, rows, columns]);
    const [{ width, height, frames: shownFrames, frameMs, rgb }] = shown;
    expect([width, height, shownFrames, frameMs]).toEqual([100, 33, 9, 120]);
    expect(rgb).toHaveLength(100 * 33 * 9 * 3);
    const at = (frame: number, y: number, x: number) =>
      [...rgb.subarray(((frame * 33 + y) * 100 + x) * 3)].slice(0, 3);
    // The preview's pixel (frame 4, row 10, column 50) is the latents' (12, 30, 150).
    expect(at(4, 10, 50)).toEqual([Math.round(127.5), 51, Math.round(((1230 / 2500) * 255) / 2)]);
  });
});

test('two previews are at least half a second apart', () => {
  const { preview, shown, clock } = previewer();
  const latents = new Float32Array(2);
  for (const ms of [0, 100, 499, 500, 900, 1100]) {
    clock.ms = ms;
    preview(latents, [1, 2, 1, 1]);
  }
  expect(shown).toHaveLength(3);
});
