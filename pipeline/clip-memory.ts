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
 * How much more the runtime takes than lies between the nodes of a graph at one time: its arena grows by doubling and
 * kernels have room of their own. On the CPU 1.5 to 2.0 times as much was measured.
 */
const ALLOWANCE = 2;

/**
 * The most bytes that a clip may be expected to take on its device, of weights and of what flows through the graphs;
 * undefined where the model does not say. A graph keeps what it once needed, so the graphs' needs add up unless one is
 * held at a time.
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
    need === undefined ? 0 : need.fixed + ALLOWANCE * need.per_pixel * W * H * frames;
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

/**
 * The bytes without which a clip cannot be made on a device, whatever is given up for want of memory
 * (memory-fallbacks.ts): one graph at a time, one branch of guidance, one frame decoded, and nothing but what lies between
 * the nodes. On the CPU weights do not count: they are mapped, and their pages come and go.
 */
export function leastMemory(
  { W, H, T }: Pick<ClipParams, 'W' | 'H' | 'T'>,
  { memory }: ModelManifest,
  device: string,
): number | undefined {
  if (!memory) return undefined;
  const bytesOf = ({ fixed, per_pixel }: GraphMemory, frames: number) =>
    (device === 'cpu' ? 0 : fixed) + per_pixel * W * H * frames;
  return Math.max(
    bytesOf(memory.image_encoder, 1),
    bytesOf(memory.vae_encoder, 1),
    bytesOf(memory.unet, T),
    bytesOf(memory.vae_decoder, 1),
  );
}
