import { resolveDeepcache, type DeepcacheParams } from '../../../pipeline/deepcache-fields.js';
import type { ModelManifest, PresetName } from '../../../pipeline/manifest.js';
import { startingFrom } from '../../../pipeline/presets.js';

export const CACHE_DEFAULTS = { enable_deepcache: true, cache_interval: 3, cache_branch_id: 3 } as const;

/** What a request says of DeepCache in Cog's words; undefined is left out. */
export interface CacheWish {
  readonly enable_deepcache?: boolean | undefined;
  readonly cache_interval?: number | undefined;
  readonly cache_branch_id?: number | undefined;
}

/** The clip's own fields of it, and what the client should know. */
export interface CogCache {
  readonly fields: Partial<DeepcacheParams>;
  readonly warnings: readonly string[];
}

/** The clip's own fields: whoever uses them means just that. */
const OWN_FIELDS = ['deepcache_interval', 'deepcache_branch'] as const;

const UNCACHED = { deepcache_interval: 1 } as const;

/** The fields that a wish consists of. */
const givenOf = (wish: CacheWish): readonly string[] =>
  Object.keys(CACHE_DEFAULTS).filter((name) => wish[name as keyof CacheWish] !== undefined);

/**
 * DeepCache in the clip's own fields: as a preset has it where that is given, but for what is said in Cog's words. A model
 * that has no graphs for the branch runs without the cache, and a request that asked for it is told so. Branches are
 * numbered from the outermost, 0, as in DeepCache's helper, whose parameters have these names; DeepCache's older pipeline
 * for Stable Video Diffusion skips branch 0 and calls its parameter otherwise.
 */
export function cacheFields(
  wish: CacheWish & Readonly<Record<string, unknown>>,
  manifest: ModelManifest,
): CogCache {
  const given = givenOf(wish);
  const own = OWN_FIELDS.find((name) => wish[name] !== undefined);
  if (own !== undefined) {
    return { fields: {}, warnings: given.map((name) => `${name} is not used, because ${own} is given`) };
  }
  const preset = wish.preset as PresetName | undefined;
  if (preset !== undefined && given.length === 0) return { fields: {}, warnings: [] };
  const {
    enable_deepcache: enabled,
    cache_interval: interval,
    cache_branch_id: branch,
  } = complete(wish, preset, manifest);
  if (!enabled || interval === 1) return { fields: UNCACHED, warnings: [] };
  const { deepcache } = manifest.abilities;
  if (deepcache.includes(branch)) {
    return { fields: { deepcache_interval: interval, deepcache_branch: branch }, warnings: [] };
  }
  if (given.length === 0) return { fields: UNCACHED, warnings: [] };
  const has = deepcache.length === 0 ? 'none' : deepcache.join(', ');
  const warning = `${given.join(', ')} ${given.length === 1 ? 'has' : 'have'} no effect: the model ${manifest.name} has no cached graphs for branch ${branch} (it has ${has}), so every step runs uncached`;
  return { fields: UNCACHED, warnings: [warning] };
}

/** What is left out is the preset's where it caches, else the documented request's. */
function complete(wish: CacheWish, preset: PresetName | undefined, manifest: ModelManifest) {
  const { caching } = startingFrom(preset, manifest);
  const { deepcache_interval, deepcache_branch } = resolveDeepcache(caching, manifest);
  const { enable_deepcache, cache_interval, cache_branch_id } = CACHE_DEFAULTS;
  const cached = deepcache_branch !== undefined;
  return {
    enable_deepcache: wish.enable_deepcache ?? enable_deepcache,
    cache_interval: wish.cache_interval ?? (cached ? deepcache_interval : cache_interval),
    cache_branch_id: wish.cache_branch_id ?? (cached ? deepcache_branch : cache_branch_id),
  };
}
