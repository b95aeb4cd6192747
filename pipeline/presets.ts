import { COMPONENT_KINDS, parameterNames, resolveRecipe, type Recipe } from '../samplers/index.js';
import type { ModelManifest, PresetName } from './manifest.js';

/** The presets a model offers, the slowest first. */
export const presetsOf = ({ presets }: Pick<ModelManifest, 'presets'>): PresetName[] =>
  Object.keys(presets) as PresetName[];

/** The fields that a preset decides. */
export const presetFields = (): string[] => [
  'steps',
  ...COMPONENT_KINDS,
  ...parameterNames(),
  'deepcache_interval',
  'deepcache_branch',
];

/** What a request starts from: a recipe, and how features are cached. */
export interface Starting {
  readonly recipe: Recipe;
  readonly caching: Readonly<Record<string, unknown>>;
}

/** The model's recipe, with what the preset changes of it. */
export function startingFrom(preset: PresetName | undefined, { recipe, presets }: ModelManifest): Starting {
  const fields = preset === undefined ? {} : (presets[preset] ?? {});
  const { deepcache_interval, deepcache_branch } = fields;
  return { recipe: resolveRecipe(fields, recipe), caching: { deepcache_interval, deepcache_branch } };
}
