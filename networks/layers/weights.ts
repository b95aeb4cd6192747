import { sizeOf } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';
import { cast } from '../onnx/index.js';
import type { Graph, StoredTensor, Value } from '../onnx/index.js';
import type { WeightFile, WeightPart, WeightType } from '../weights/index.js';
import type { Affine } from './layers.js';

/** Where a graph's weights go, and as what. */
export interface WeightSettings {
  readonly file: WeightFile;
  /** Type in the file. */
  readonly storage: WeightType;
  /** Type the layers compute in. */
  readonly compute: WeightType;
  /** What graphs of the same network have stored so far: an equal tensor is pointed at again. */
  readonly stored?: Map<string, StoredTensor>;
}

/** Puts weights into the graph's data file and their values into the graph. */
export class GraphWeights {
  constructor(
    readonly g: Graph,
    readonly settings: WeightSettings,
  ) {}

  /** A stored tensor, as the type the layers compute in. Casts of weights are done once, when the graph is loaded. */
  store(name: string, dims: readonly number[], parts: readonly WeightPart[]): Value {
    const { storage, compute } = this.settings;
    const value = this.g.initializer(this.#place(name, storage, dims, parts), name);
    return storage === compute ? value : cast(this.g, value, compute);
  }

  /** A stored float32 tensor, whatever the layers compute in. */
  store32(name: string, dims: readonly number[], parts: readonly WeightPart[]): Value {
    return this.g.initializer(this.#place(name, 'float32', dims, parts), name);
  }

  /** The layer's weight as the checkpoint has it, under another shape of as many values. */
  weight(affine: Affine, dims: readonly number[] = affine.weight.dims): Value {
    return this.store(`${affine.name}.weight`, dims, [scaled(affine.weight, affine.scale)]);
  }

  bias(affine: Affine, dims: readonly number[] = [sizeOf(biasOf(affine))]): Value {
    return this.store(`${affine.name}.bias`, dims, [scaled(biasOf(affine), affine.scale)]);
  }

  #place(
    name: string,
    type: WeightType,
    dims: readonly number[],
    parts: readonly WeightPart[],
  ): StoredTensor {
    const { file, stored } = this.settings;
    const key = JSON.stringify([
      name,
      type,
      dims,
      parts.map(({ source, scale }) => [source.name, scale ?? 1]),
    ]);
    const tensor = stored?.get(key) ?? file.add(name, { type, dims, parts });
    stored?.set(key, tensor);
    return tensor;
  }
}

export function biasOf({ name, bias }: Affine): SourceTensor {
  if (bias === null) throw new TypeError(`Layer '${name}' has no bias`);
  return bias;
}

export const scaled = (source: SourceTensor, scale = 1): WeightPart => ({ source, scale });
