import type { Graph, Value } from '../onnx/index.js';
import { cast, concat, counting, expand, sizesOf } from '../onnx/index.js';

/**
 * How far the camera goes: log zoom = REACH · m / (m + HALF_BUCKET) for motion bucket m, held within 0 and MAX_BUCKET.
 * No motion at 0, a zoom of 1.18 at 127, 1.5 at 512; the slope falls, so that large buckets keep the picture sharp.
 */
export const REACH = 0.8;
export const HALF_BUCKET = 500;
export const MAX_BUCKET = 512;

/** Speed along a path is 1 − EASE·cos(2πt) times its mean: a soft start and stop, and the same backwards. */
export const EASE = 0.6;

/** The zoom begins this share of the way in: an unscaled frame would be crisper than all that follow it. */
export const INNER = 0.15;

/** The paths that are computed. Each is also run backwards, which gives twice as many moves. */
export const PATHS = ['zoom in', 'pan right', 'tilt down', 'diagonal down', 'diagonal up'] as const;

/**
 * Camera windows along one axis of the picture, as shares of its length: a window covers start … start + extent, which
 * lies within 0 … 1. Both axes use the same table, so that windows keep the picture's proportions.
 */
export interface Tracks {
  /** [B, 2F + 1]: F windows zooming in, F fully zoomed ones travelling to the far end, 1 fully zoomed in the middle. */
  readonly start: Value;
  readonly extent: Value;
  /** The track of each path's frames along x and along y: int64 [paths · F], path by path. */
  readonly ofX: Value;
  readonly ofY: Value;
}

/** The windows of all paths for `frames` (int64 [1]) frames and motion buckets [B, 1]. */
export function cameraTracks(g: Graph, frames: Value, bucket: Value): Tracks {
  const logZoom = logZoomOf(g, bucket);
  const progress = easedProgress(g, frames);
  const zoomProgress = g.op('Add', g.op('Mul', progress, 1 - INNER), INNER);
  const zooming = g.op('Exp', g.op('Neg', g.op('Mul', logZoom, zoomProgress)));
  const zoomed = g.op('Exp', g.op('Neg', logZoom));
  const margin = g.op('Sub', 1, zoomed);
  const half = (x: Value) => g.op('Mul', x, 0.5);
  const start = [half(g.op('Sub', 1, zooming)), g.op('Mul', margin, progress), half(margin)];
  const extent = [zooming, expand(g, zoomed, [sizesOf(g, bucket, 0, 1), frames]), zoomed];
  return { start: concat(g, start, 1), extent: concat(g, extent, 1), ...trackIndices(g, frames) };
}

/** Log zoom at the far end of a path, of the bucket's shape. */
function logZoomOf(g: Graph, bucket: Value): Value {
  const m = g.op('Clip', bucket, 0, MAX_BUCKET);
  return g.op('Div', g.op('Mul', m, REACH), g.op('Add', m, HALF_BUCKET));
}

/** Progress 0 … 1 of each frame: [F]. A lone frame stands at the start. */
function easedProgress(g: Graph, frames: Value): Value {
  const last = g.op('Max', g.op('Sub', cast(g, frames, 'float32'), 1), 1);
  const t = g.op('Div', counting(g, frames, 'float32'), last);
  const wave = g.op('Sin', g.op('Mul', t, 2 * Math.PI));
  return g.op('Sub', t, g.op('Mul', wave, EASE / (2 * Math.PI)));
}

function trackIndices(g: Graph, frames: Value): { ofX: Value; ofY: Value } {
  const zoom = counting(g, frames, 'int64');
  const travel = g.op('Add', zoom, frames);
  const middle = expand(g, g.op('Mul', frames, 2), [frames]);
  const travelBack = g.op('Sub', g.op('Sub', middle, zoom), 1);
  return {
    ofX: concat(g, [zoom, travel, middle, travel, travel], 0),
    ofY: concat(g, [zoom, middle, travel, travel, travelBack], 0),
  };
}
