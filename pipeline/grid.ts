import { PipelineError } from './errors.js';
import { resizeRgb } from './picture.js';

/** Where the variations of a clip lie in their contact video. All sides are even, as yuv420p wants them. */
export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly width: number;
  readonly height: number;
}

const MAX_SIDE = 2560;
/** All composed frames wait in memory for the last variation: 25 frames of 2560×1080 take 207 MB. */
const MAX_BYTES = 384 * 2 ** 20;

/**
 * Up to three variations side by side, more of them in a near-square. Cells keep the clip's proportions, are never
 * larger than it, and shrink until the whole is at most 2560 pixels wide and high and its frames fit in memory.
 */
export function gridLayout(variations: number, width: number, height: number, frames: number): GridLayout {
  for (const [name, value] of Object.entries({ variations, width, height, frames })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new PipelineError(
      'invalid_parameter',
      `Expected \`${name}\` to be an integer from 1, got ${value}.`,
    );
  }
  const columns = variations <= 3 ? variations : Math.ceil(Math.sqrt(variations));
  const rows = Math.ceil(variations / columns);
  const wholeBytes = columns * width * rows * height * 3 * frames;
  const scale = Math.min(
    1,
    MAX_SIDE / (columns * width),
    MAX_SIDE / (rows * height),
    Math.sqrt(MAX_BYTES / wholeBytes),
  );
  const cellWidth = evenBelow(width * scale);
  const cellHeight = evenBelow(height * scale);
  return { columns, rows, cellWidth, cellHeight, width: columns * cellWidth, height: rows * cellHeight };
}

const evenBelow = (side: number): number => Math.max(2, Math.floor(side / 2) * 2);

/**
 * Collects the frames of several variations, scaled down as they come and in any order, and gives the frames of the
 * contact video. A new frame is black, and so are the cells that no variation fills.
 */
export class GridBuilder {
  readonly layout: GridLayout;
  readonly #composed: Uint8Array[];
  readonly #seen: boolean[][];

  constructor(
    readonly variations: number,
    readonly clipWidth: number,
    readonly clipHeight: number,
    readonly frameCount: number,
  ) {
    this.layout = gridLayout(variations, clipWidth, clipHeight, frameCount);
    this.#composed = Array.from({ length: frameCount });
    this.#seen = Array.from({ length: variations }, () => new Array<boolean>(frameCount).fill(false));
  }

  /** Takes one rgb24 frame of the clip's size; the caller may use it further. Variations and frames count from 0. */
  async add(variation: number, index: number, rgb: Uint8Array): Promise<void> {
    const { columns, cellWidth, cellHeight, width, height } = this.layout;
    if (this.#seen[variation]?.[index] === undefined) {
      throw internal(`There is no frame ${index} of variation ${variation} in this grid.`);
    }
    const frameBytes = this.clipWidth * this.clipHeight * 3;
    if (rgb.length !== frameBytes)
      throw internal(`Expected a frame of ${frameBytes} bytes, got ${rgb.length}.`);

    const cell = await resizeRgb(
      { rgb, width: this.clipWidth, height: this.clipHeight },
      cellWidth,
      cellHeight,
    );
    const frame = (this.#composed[index] ??= new Uint8Array(width * height * 3));
    const left = (variation % columns) * cellWidth;
    const top = Math.floor(variation / columns) * cellHeight;
    const rowBytes = cellWidth * 3;
    for (let y = 0; y < cellHeight; y++) {
      frame.set(cell.subarray(y * rowBytes, (y + 1) * rowBytes), ((top + y) * width + left) * 3);
    }
    this.#seen[variation][index] = true;
  }

  /** The composed frames, for `writeVideo` with the layout's size. Throws if a frame of a variation never came. */
  *frames(): Generator<Uint8Array, void, undefined> {
    for (let index = 0; index < this.frameCount; index++) {
      const missing = this.#seen.findIndex((frames) => !frames[index]);
      if (missing >= 0) throw internal(`Frame ${index} of variation ${missing} is missing in the grid.`);
      yield this.#composed[index];
    }
  }
}

const internal = (message: string): PipelineError => new PipelineError('internal_error', message);
