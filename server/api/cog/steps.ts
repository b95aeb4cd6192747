import type { ModelManifest, PresetName } from '../../../pipeline/manifest.js';
import { startingFrom } from '../../../pipeline/presets.js';
import { resolveRecipe, STEPS } from '../../../samplers/index.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Cog's steps where they are more than the clip's noise levels allow: as many as those do. Cog's clients send the number
 * that the documented request has, whatever runs. Who says `steps` is one who can be told.
 */
export function fittingSteps(
  { num_inference_steps: asked, steps: own }: Fields,
  clip: Fields,
  manifest: ModelManifest,
): { readonly fields: { readonly steps?: number }; readonly warnings: readonly string[] } {
  const isCogs = asked !== undefined || own === undefined;
  const { recipe } = startingFrom(clip.preset as PresetName | undefined, manifest);
  const { discretization } = resolveRecipe(clip, recipe);
  const most = discretization.params.num_timesteps ?? STEPS.max;
  if (!isCogs || clip.steps === undefined || Number(clip.steps) <= most) return { fields: {}, warnings: [] };
  const warning = `num_inference_steps is ${most} instead of ${String(asked)}: ${discretization.name} has no more levels`;
  return { fields: { steps: most }, warnings: asked === undefined ? [] : [warning] };
}
