import type { Middleware } from 'koa';
import { clipFields } from '../../pipeline/clip-fields.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { CATALOGUE } from '../../samplers/index.js';
import { CHOICES } from '../images/providers/choice.js';

export interface ParametersOptions {
  readonly manifest: ModelManifest;
  /** Whether the picture of a prompt can be chosen by `image_index`. */
  readonly pictureChoice: boolean;
  readonly maxUploadBytes: number;
}

/**
 * GET /parameters: everything a form for this model is made of, from the tables that requests are checked against. `fields`
 * are those of a clip with their ranges and what the model's recipe makes of one left out; `components` are the choices
 * of sampler, discretization and guider with the parameters each takes and their documented defaults; `presets` are
 * the fields that each of them sets.
 */
export function parameters({ manifest, pictureChoice, maxUploadBytes }: ParametersOptions): Middleware {
  const { name, version, family, description, licence, abilities, limits, recipe, presets } = manifest;
  // The seed that is resolved here is one drawn for nobody.
  const defaults: Readonly<Record<string, unknown>> = { ...resolveClip({}, manifest).params, seed: null };
  const body = {
    model: { name, version, family, description, licence, abilities },
    fields: clipFields(manifest).map((field) => ({ ...field, default: defaults[field.name] ?? null })),
    components: CATALOGUE,
    recipe: {
      steps: recipe.steps,
      sampler: recipe.sampler,
      discretization: recipe.discretization,
      guider: recipe.guider,
    },
    presets,
    pictures_per_prompt: pictureChoice ? CHOICES : 1,
    limits: { pixels: limits.pixels, upload_bytes: maxUploadBytes },
  };
  return (ctx) => {
    ctx.set('Cache-Control', 'no-cache');
    ctx.body = body;
  };
}
