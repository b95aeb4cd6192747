/** The embedded model a second time, plainly: double precision, one pixel after the other, nothing shared. */

/** A camera window: left and top edge and extent, as shares of the picture's width and height. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly extent: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** [3, height, width] in [−1, 1]. */
export type Planes = Float64Array;

/** The ten moves of `frames` frames: each path, then the same backwards. */
export function moves(frames: number, bucket: number): Window[][] {
  const m = Math.min(512, Math.max(0, bucket));
  const logZoom = (0.8 * m) / (m + 500);
  const inner = Math.exp(-logZoom);
  const far = 1 - inner;
  const at = (frame: number) => {
    const t = frames === 1 ? 0 : frame / (frames - 1);
    return t - (0.6 * Math.sin(2 * Math.PI * t)) / (2 * Math.PI);
  };
  const centred = (extent: number) => ({ left: (1 - extent) / 2, top: (1 - extent) / 2, extent });
  const path = (window: (frame: number) => Window) => Array.from({ length: frames }, (_, f) => window(f));
  const paths = [
    path((f) => centred(Math.exp(-logZoom * (0.15 + 0.85 * at(f))))),
    path((f) => ({ left: far * at(f), top: far / 2, extent: inner })),
    path((f) => ({ left: far / 2, top: far * at(f), extent: inner })),
    path((f) => ({ left: far * at(f), top: far * at(f), extent: inner })),
    path((f) => ({ left: far * at(f), top: far * at(frames - 1 - f), extent: inner })),
  ];
  return paths.flatMap((windows) => [windows, [...windows].reverse()]);
}

export const lanczos = (lobes: number) => (d: number) => {
  if (Math.abs(d) < 1e-12) return 1;
  if (Math.abs(d) >= lobes) return 0;
  return (Math.sin(Math.PI * d) * Math.sin((Math.PI * d) / lobes) * lobes) / (Math.PI * d) ** 2;
};

/** For each output pixel of one axis the pixels it is made of and their weights. */
function taps(length: number, start: number, extent: number, lobes: number): [number, number][][] {
  const kernel = lanczos(lobes);
  return Array.from({ length }, (_, j) => {
    const position = start * length + (j + 0.5) * extent - 0.5;
    const list: [number, number][] = [];
    for (let i = Math.ceil(position - lobes); i <= position + lobes; i++)
      list.push([i, kernel(i - position)]);
    const total = list.reduce((sum, [, weight]) => sum + weight, 0);
    return list.map(([i, weight]) => [Math.min(length - 1, Math.max(0, i)), weight / total]);
  });
}

export function view(picture: Planes, { width, height }: Size, window: Window, lobes = 3): Planes {
  const columns = taps(width, window.left, window.extent, lobes);
  const rows = taps(height, window.top, window.extent, lobes);
  const across = new Float64Array(picture.length);
  const result = new Float64Array(picture.length);
  const resample = (
    from: Planes,
    to: Planes,
    value: (line: number, x: number, y: number, from: Planes) => number,
  ) => {
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) to[(c * height + y) * width + x] = value(c * height, x, y, from);
  };
  resample(picture, across, (line, x, y, from) =>
    columns[x].reduce((sum, [i, weight]) => sum + weight * from[(line + y) * width + i], 0),
  );
  resample(across, result, (line, x, y, from) =>
    rows[y].reduce((sum, [i, weight]) => sum + weight * from[(line + i) * width + x], 0),
  );
  return result;
}

/** [3, H, W] → [12, H/2, W/2], channels (row, column, colour). */
export function toLatent(picture: Planes, { width, height }: Size): Planes {
  const [w, h] = [width / 2, height / 2];
  const latent = new Float64Array(picture.length);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const channel = ((y % 2) * 2 + (x % 2)) * 3 + c;
        latent[(channel * h + (y >> 1)) * w + (x >> 1)] = picture[(c * height + y) * width + x];
      }
  return latent;
}

/** The inverse of `toLatent`. */
export function fromLatent(latent: Planes, { width, height }: Size): Planes {
  const [w, h] = [width / 2, height / 2];
  const picture = new Float64Array(latent.length);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const channel = ((y % 2) * 2 + (x % 2)) * 3 + c;
        picture[(c * height + y) * width + x] = latent[(channel * h + (y >> 1)) * w + (x >> 1)];
      }
  return picture;
}

/** The latent clip of every move, in sampler units: ten of [F, 12, h, w]. */
export function latentClips(
  picture: Planes,
  size: Size,
  frames: number,
  bucket: number,
  scale: number,
): Float64Array[] {
  return moves(frames, bucket).map((windows) => {
    const clip = new Float64Array(frames * picture.length);
    windows.forEach((window, f) => clip.set(toLatent(view(picture, size, window), size), f * picture.length));
    return clip.map((value) => value * scale);
  });
}

/** softmax_k(−‖x − m_k‖² / 2σ²). */
export function posterior(x: Float64Array, clips: readonly Float64Array[], sigma: number): number[] {
  const logits = clips.map(
    (clip) => -clip.reduce((sum, m, i) => sum + (x[i] - m) ** 2, 0) / (2 * sigma * sigma),
  );
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

export function denoise(x: Float64Array, clips: readonly Float64Array[], sigma: number): Float64Array {
  const weights = posterior(x, clips, sigma);
  return x.map((_, i) => clips.reduce((sum, clip, k) => sum + weights[k] * clip[i], 0));
}
