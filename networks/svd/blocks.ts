import type { Area } from '../layers/index.js';
import type { Value } from '../onnx/index.js';
import type { ResBlock, Transformer } from './topology.js';

/** What every block of the UNet is told beside its feature map: one row of [B, …] for each clip. */
export interface Conditions {
  /** Timestep [1] = ¼·ln σ. */
  readonly timestep: Value;
  /** fps_id, motion bucket, cond_aug: [B, 3]. */
  readonly ids: Value;
  /** The picture's embedding, one token: [B, 1, C]. */
  readonly context: Value;
}

/** The blocks of the UNet. Two implementations: as published, and with every exact saving. */
export interface UnetBlocks {
  /** Feature map of `inputs` channels → of `outputs` channels. */
  resBlock(x: Value, block: ResBlock, area: Area): Value;
  transformer(x: Value, transformer: Transformer, area: Area): Value;
}
