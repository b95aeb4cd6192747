import type { ClipParams } from './clip-params.js';
import { planEvaluations } from './evaluation-plan.js';
import type { GraphMemory, ModelManifest } from './manifest.js';

export interface MemorySettings {
  /** One graph in memory at a time. */
  readonly lowVram: boolean;
  /** Guidance one branch at a time. */
  readonly halfBatch: boolean;
}

/**
 * The most bytes that a clip takes on its device, of weights and of what flows through the graphs; undefined where the
 * model does not say. A graph keeps what it once needed, so the graphs' needs add up unless one is held at a time.
 */
export function clipMemory(
  params: ClipParams,
  manifest: ModelManifest,
  { lowVram, halfBatch }: MemorySettings,
): number | undefined {
  const { memory } = manifest;
  if (!memory) return undefined;
  const { W, H, T, decoding_t, decoding_overlap, deepcache_branch } = params;
  const { rows, shallow } = planEvaluations(params, manifest);
  const bytesOf = (need: GraphMemory | undefined, frames: number) =>
    need === undefined ? 0 : need.fixed + need.per_pixel * W * H * frames;
  const evaluated = T * (halfBatch ? 1 : rows);
  const cached = shallow > 0 ? manifest.shallow[String(deepcache_branch)]?.memory : undefined;
  const stages = [
    bytesOf(memory.image_encoder, 1),
    bytesOf(memory.vae_encoder, 1),
    bytesOf(memory.unet, evaluated) + bytesOf(cached, evaluated),
    bytesOf(memory.vae_decoder, Math.min(T, decoding_t + 2 * decoding_overlap)),
  ];
  return lowVram ? Math.max(...stages) : stages.reduce((sum, bytes) => sum + bytes, 0);
}
