import type { ModelManifest } from './manifest.js';
import type { LatentShape } from './unet-network.js';

/** What a clip looks like so far: a small moving picture. */
export interface ClipPreview {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** How long each frame is shown. */
  readonly frameMs: number;
  /** rgb24, frame after frame. */
  readonly rgb: Uint8Array;
}

/** Shows the clean latents predicted, [F,C,h,w] in the sampler's scale, unless a preview was shown just before. */
export type Previewer = (denoised: Float32Array, shape: LatentShape) => void;

export interface PreviewOptions {
  /** Frame rate of the clip. */
  readonly fps: number;
  readonly onPreview: (preview: ClipPreview) => void;
  /** Milliseconds on a clock that never runs backwards. */
  readonly now?: () => number;
}

/** Between two previews: more often would cost without showing more. */
const INTERVAL_MS = 500;
/** Longest side, and most frames, of a preview. */
const MAX_SIDE = 128;
const MAX_FRAMES = 12;

/** A previewer for a model's latents, at most twice a second. */
export function createPreviewer(
  colours: ModelManifest['preview'],
  { fps, onPreview, now = performance.now.bind(performance) }: PreviewOptions,
): Previewer {
  let shownAt = -Infinity;
  return (denoised, shape) => {
    if (now() - shownAt < INTERVAL_MS) return;
    shownAt = now();
    onPreview(project(denoised, shape, colours, fps));
  };
}

/**
 * Latents → RGB by the model's matrix. Frames, rows and columns are left out evenly until the picture is small, so that
 * the cost does not grow with the clip.
 */
function project(
  latents: Float32Array,
  [frameCount, channels, rows, columns]: LatentShape,
  { matrix, bias }: ModelManifest['preview'],
  fps: number,
): ClipPreview {
  const stride = Math.ceil(Math.max(rows, columns) / MAX_SIDE);
  const frameStride = Math.ceil(frameCount / MAX_FRAMES);
  const [width, height] = [Math.floor(columns / stride), Math.floor(rows / stride)];
  const frames = Math.ceil(frameCount / frameStride);
  const plane = rows * columns;
  const [red, green, blue] = [0, 1, 2].map((colour) => Float64Array.from(matrix, (row) => row[colour] * 255));
  const rgb = new Uint8ClampedArray(frames * height * width * 3);
  let at = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (let y = 0; y < height; y++) {
      let from = frame * frameStride * channels * plane + y * stride * columns;
      for (let x = 0; x < width; x++, from += stride) {
        let r = bias[0] * 255;
        let g = bias[1] * 255;
        let b = bias[2] * 255;
        for (let c = 0, place = from; c < channels; c++, place += plane) {
          const value = latents[place];
          r += value * red[c];
          g += value * green[c];
          b += value * blue[c];
        }
        rgb[at++] = r;
        rgb[at++] = g;
        rgb[at++] = b;
      }
    }
  }
  const frameMs = Math.round((1000 / fps) * frameStride);
  return { width, height, frames, frameMs, rgb: new Uint8Array(rgb.buffer) };
}
