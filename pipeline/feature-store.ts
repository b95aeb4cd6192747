import { Tensor } from './onnx-runtime.js';

/** One row of the network's batch: the unconditional row has zeros for picture and context. */
export type Row = 'uncond' | 'cond';

interface Kept {
  readonly rows: readonly Row[];
  /** The rows' feature maps one after the other on the first axis. */
  readonly feature: Tensor;
}

/** The features that the newest whole evaluation of each slot gave. They stay as the graph made them, in host memory. */
export class FeatureStore {
  readonly #slots = new Map<number, Kept[]>();

  /** A whole evaluation begins: what was kept in its slot is out of date. */
  clear(slot: number): void {
    this.#slots.delete(slot);
  }

  keep(slot: number, rows: readonly Row[], feature: Tensor): void {
    this.#slots.set(slot, [...(this.#slots.get(slot) ?? []), { rows, feature }]);
  }

  /** The feature of these rows, as a view where it is a part of what was kept. */
  get(slot: number, rows: readonly Row[]): Tensor {
    const kept = this.#slots.get(slot)?.find((one) => rows.every((row) => one.rows.includes(row)));
    if (kept === undefined) throw new Error(`No feature was kept for ${rows.join(' and ')} in slot ${slot}`);
    const { feature } = kept;
    if (rows.length === kept.rows.length) return feature;
    const size = feature.size / kept.rows.length;
    const start = size * kept.rows.indexOf(rows[0]);
    const [places, ...rest] = feature.dims;
    const dims = [places / kept.rows.length, ...rest];
    return sliced(feature, start, start + size, dims);
  }
}

/** In single precision, or in half precision as bit patterns. */
function sliced({ type, data }: Tensor, start: number, end: number, dims: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor('float32', data.subarray(start, end), dims);
  if (data instanceof Uint16Array) return new Tensor('float16', data.subarray(start, end), dims);
  throw new TypeError(`A feature is in single or half precision, not ${type}`);
}
