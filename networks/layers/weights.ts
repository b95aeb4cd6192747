import { sizeOf } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';
import { cast } from '../onnx/index.js';
import type { Graph, Value } from '../onnx/index.js';
import type { WeightFile, WeightPart, WeightType } from '../weights/index.js';
import type { Affine } from './layers.js';

/** Where a graph's weights go, and as what. */
export interface WeightSettings {
  readonly file: WeightFile;
  /** Type in the file. */
  readonly storage: WeightType;
  /** Type the layers compute in. */
  readonly compute: WeightType;
}

/** Puts weights into the graph's data file and their values into the graph. */
export class GraphWeights {
  constructor(
    readonly g: Graph,
    readonly settings: WeightSettings,
  ) {}

  /** A stored tensor, as the type the layers compute in. Casts of weights are done once, when the graph is loaded. */
  store(name: string, dims: readonly number[], parts: readonly WeightPart[]): Value {
    const { file, storage, compute } = this.settings;
    const value = this.g.initializer(file.add(name, { type: storage, dims, parts }), name);
    return storage === compute ? value : cast(this.g, value, compute);
  }

  /** A stored float32 tensor, whatever the layers compute in. */
  store32(name: string, dims: readonly number[], parts: readonly WeightPart[]): Value {
    return this.g.initializer(this.settings.file.add(name, { type: 'float32', dims, parts }), name);
  }

  /** The layer's weight as the checkpoint has it, under another shape of as many values. */
  weight(affine: Affine, dims: readonly number[] = affine.weight.dims): Value {
    return this.store(`${affine.name}.weight`, dims, [scaled(affine.weight, affine.scale)]);
  }

  bias(affine: Affine, dims: readonly number[] = [sizeOf(biasOf(affine))]): Value {
    return this.store(`${affine.name}.bias`, dims, [scaled(biasOf(affine), affine.scale)]);
  }
}

export function biasOf({ name, bias }: Affine): SourceTensor {
  if (bias === null) throw new TypeError(`Layer '${name}' has no bias`);
  return bias;
}

export const scaled = (source: SourceTensor, scale = 1): WeightPart => ({ source, scale });
