import type { SourceTensor } from '../checkpoint/index.js';
import type { Graph, Value } from '../onnx/index.js';

/** Normalisation groups of every group norm. */
export const GROUPS = 32;

/** Weight and bias of one layer, both multiplied by `scale` when they are written. */
export interface Affine {
  /** Names the weights in the graph. */
  readonly name: string;
  readonly weight: SourceTensor;
  readonly bias: SourceTensor | null;
  readonly scale?: number;
}

/** Rows and frames of a batch of clips, measured while the graph runs: int64 [1] each. */
export interface Clip {
  readonly batch: Value;
  readonly frames: Value;
}

/** Size of a feature map, measured while the graph runs: int64 [1] each. */
export interface Area {
  readonly height: Value;
  readonly width: Value;
  /** height × width */
  readonly pixels: Value;
}

export interface ConvOptions {
  readonly stride?: number;
  /** Zeros around the map: top, left, bottom, right. */
  readonly pads?: readonly [number, number, number, number];
}

export interface GroupNormOptions {
  readonly epsilon: number;
  /** SiLU follows. */
  readonly silu?: boolean;
}

/**
 * The layers networks are made of, in the form that one runtime likes best. A **feature map** holds n pictures of C
 * channels; its layout is the implementation's own, [n, C, h, w] or [n, h, w, C]. A **frame map** is the same numbers
 * with a clip's frames down and its pixels across, one picture of size F × hw for each clip. **Tokens** are [T, C].
 */
export interface Layers {
  readonly g: Graph;

  /** float32 [n, C, h, w] → feature map. */
  enter(x: Value): Value;
  /** Feature map → float32 [n, C, h, w]. */
  leave(x: Value): Value;
  /** A feature map that another graph of the same form gave, as it is: in the layout and the type that the layers compute in. */
  mapInput(name: string, channels: number): Value;
  /** Gives a feature map to another graph. */
  mapOutput(name: string, x: Value, channels: number): void;
  /** Any float value → the type the layers compute in. */
  toCompute(x: Value): Value;
  fromCompute(x: Value): Value;

  /** Convolution of a feature or frame map. A kernel [O, I, 3, 1, 1] over frames acts on frame maps. */
  conv(x: Value, affine: Affine, options?: ConvOptions): Value;
  /** Normalises over each of the 32 groups of channels and all places of a map. Weights [C]. */
  groupNorm(x: Value, affine: Affine, options: GroupNormOptions): Value;
  /** Adds row n of [n, C] to all places of picture n. */
  addRows(x: Value, rows: Value): Value;
  joinChannels(a: Value, b: Value): Value;
  /** Nearest pixels, for `area` of twice the size or one less. */
  upsample(x: Value, channels: number, area: Area): Value;
  /** Feature map [B·F pictures] → frame map [B pictures]. */
  overFrames(x: Value, channels: number, clip: Clip): Value;
  perFrame(x: Value, channels: number, area: Area): Value;
  /** Feature map → tokens, pictures one after the other, each row by row. */
  tokens(x: Value, channels: number): Value;
  image(tokens: Value, channels: number, area: Area): Value;

  /** x·Wᵀ + b for tokens; several layers that share their input give their results side by side. */
  linear(x: Value, affine: Affine | readonly Affine[]): Value;
  /** The results of several layers of one width that share their input, such as an attention's q, k and v. */
  projections(x: Value, affines: readonly Affine[]): readonly Value[];
  layerNorm(x: Value, affine: Affine, epsilon: number): Value;
  /** GEGLU: the first half of a linear layer times GELU of the second, [T, C] → [T, half]. */
  gatedGelu(x: Value, affine: Affine): Value;
  /** Softmax attention, [n, S, C] each (keys and values may be more than queries); scale 1/√(C/heads). */
  attention(q: Value, k: Value, v: Value, heads: number, channels: number): Value;
  /** Exact GELU, with erf. */
  gelu(x: Value): Value;
  /** x · sigmoid(factor · x); SiLU for 1. */
  swish(x: Value, factor?: number): Value;
  /** A weight as a value. */
  constant(name: string, source: SourceTensor): Value;
}
