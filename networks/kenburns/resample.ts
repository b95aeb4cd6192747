import type { Graph, Value } from '../onnx/index.js';
import { cast, counting, integers, reshape, sizesOf, sumOver, unsqueeze } from '../onnx/index.js';

/** Lobes of the Lanczos kernel on either side. */
export const LOBES = 3;
/** Rows made by one matrix product. Pictures are multiples of it. */
export const BLOCK = 8;
/** Source rows that a block of output rows can touch when no window is larger than the picture. */
const TAPS = BLOCK - 1 + 2 * LOBES;

export interface Windows {
  /** Where a window begins and how much it covers, as shares of the axis: [B, T]. */
  readonly start: Value;
  readonly extent: Value;
  /** Index of the first row of each window's picture: int64 [B, T]. */
  readonly firstRow: Value;
  /** Rows of a picture, which is also the number of rows made for each window: int64 [1], a multiple of BLOCK. */
  readonly length: Value;
}

/**
 * Enlarges windows of pictures along one axis with the normalised Lanczos kernel; beyond its ends a picture repeats its
 * edge. `rows` [R, L] holds the pictures, row after row; the result is [B, T, length / BLOCK, BLOCK, L].
 *
 * Neighbouring rows need nearly the same source rows. So the source rows of a whole block are gathered and the block is
 * one small matrix product: the cost of a few passes over the data, not that of a dense resampling matrix.
 */
export function resampleRows(g: Graph, rows: Value, windows: Windows): Value {
  const position = blockPositions(g, windows);
  const first = g.op(
    'Sub',
    g.op('Floor', g.op('Gather', position, integers(g, [0]), { axis: 3 })),
    LOBES - 1,
  );
  const taps = g.op('Add', first, counting(g, integers(g, [TAPS]), 'float32'));
  const weights = lanczosWeights(g, g.op('Sub', unsqueeze(g, position, [4]), unsqueeze(g, taps, [3])));
  const inside = g.op('Min', g.op('Max', cast(g, taps, 'int64'), 0), g.op('Sub', windows.length, 1));
  const source = g.op('Gather', rows, g.op('Add', inside, unsqueeze(g, windows.firstRow, [2, 3])), {
    axis: 0,
  });
  return g.op('MatMul', weights, source);
}

/** The place of each output row's centre in its picture, counted in rows: [B, T, length / BLOCK, BLOCK]. */
function blockPositions(g: Graph, { start, extent, length }: Windows): Value {
  const size = cast(g, length, 'float32');
  const centre = g.op('Add', counting(g, length, 'float32'), 0.5);
  const offset = g.op('Sub', g.op('Mul', start, size), 0.5);
  const position = g.op('Add', unsqueeze(g, offset, [2]), g.op('Mul', unsqueeze(g, extent, [2]), centre));
  return reshape(g, position, [sizesOf(g, start, 0, 2), -1, BLOCK]);
}

/** Lanczos kernel of distances, normalised to a sum of 1 over the last axis. */
function lanczosWeights(g: Graph, distance: Value): Value {
  // At 1e-4 the kernel is 1 to float32's last place, and the quotient below is still exact there.
  const d = g.op('Max', g.op('Abs', distance), 1e-4);
  const angle = g.op('Mul', d, Math.PI);
  const sines = g.op('Mul', g.op('Sin', angle), g.op('Sin', g.op('Mul', angle, 1 / LOBES)));
  const kernel = g.op('Div', g.op('Mul', sines, LOBES), g.op('Mul', angle, angle));
  const cut = g.op('Where', g.op('Less', d, LOBES), kernel, 0);
  return g.op('Div', cut, sumOver(g, cut, [4]));
}
