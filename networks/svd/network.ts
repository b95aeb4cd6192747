import { readValues } from '../checkpoint/index.js';
import type { TensorLedger } from '../checkpoint/index.js';
import type { Affine, Area, Layers } from '../layers/index.js';
import { integers } from '../onnx/index.js';
import type { Graph, Value } from '../onnx/index.js';

/** Where a network's tensors come from: the books of a checkpoint, or made-up ones. */
export type TensorSupply = Pick<TensorLedger, 'take'>;

/** A network under construction: layers to build it of, and the tensors it must use up. */
export class Network {
  constructor(
    readonly layers: Layers,
    readonly tensors: TensorSupply,
  ) {}

  get g(): Graph {
    return this.layers.g;
  }

  /** The layer called `name`, with a weight of this shape and a bias [dims[0]]. */
  affine(name: string, dims: readonly number[], scale = 1): Affine {
    const weight = this.tensors.take(`${name}.weight`, dims);
    return { name, weight, bias: this.tensors.take(`${name}.bias`, [dims[0]]), scale };
  }

  /** The same without a bias. */
  linear(name: string, dims: readonly [number, number]): Affine {
    return { name, weight: this.tensors.take(`${name}.weight`, dims), bias: null };
  }

  /** σ(mix_factor) of an AlphaBlender: no picture-only frames exist here, so it is a constant. */
  mix(name: string): number {
    const [factor] = readValues(this.tensors.take(`${name}.mix_factor`, [1]));
    return 1 / (1 + Math.exp(-factor));
  }

  /** 3×3 convolution that keeps the size, or halves it. */
  conv3(x: Value, name: string, inputs: number, outputs: number, stride = 1): Value {
    const affine = this.affine(name, [outputs, inputs, 3, 3]);
    return this.layers.conv(x, affine, { stride, pads: [1, 1, 1, 1] });
  }

  /** Books tensors that the checkpoint has and that no computation needs, so that their shapes are checked all the same. */
  unneeded(name: string, dims: readonly number[], withBias: boolean): void {
    this.tensors.take(`${name}.weight`, dims);
    if (withBias) this.tensors.take(`${name}.bias`, [dims[0]]);
  }

  add(a: Value, b: Value): Value {
    return this.g.op('Add', a, b);
  }
}

export function areaOf(g: Graph, height: Value, width: Value): Area {
  return { height, width, pixels: g.op('Mul', height, width) };
}

/** The area after a convolution with stride 2 that pads one pixel on both sides. */
export const halved = (g: Graph, { height, width }: Area): Area => areaOf(g, half(g, height), half(g, width));

const half = (g: Graph, size: Value): Value =>
  g.op('Div', g.op('Add', size, integers(g, [1])), integers(g, [2]));

export const doubled = (g: Graph, { height, width }: Area): Area =>
  areaOf(g, g.op('Mul', height, integers(g, [2])), g.op('Mul', width, integers(g, [2])));
