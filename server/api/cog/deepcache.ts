import type { ModelManifest } from '../../../pipeline/manifest.js';

/** What a request says of DeepCache; undefined is left out. */
export interface CacheWish {
  readonly enable_deepcache?: boolean | undefined;
  readonly cache_interval?: number | undefined;
  readonly cache_branch_id?: number | undefined;
}

export const CACHE_DEFAULTS = { enable_deepcache: true, cache_interval: 3, cache_branch_id: 3 } as const;

/** The clip's own fields. */
export const CACHE_FIELDS = ['deepcache_interval', 'deepcache_branch'] as const;

/**
 * DeepCache in the clip's own fields. A model that has no graphs for the branch runs without the cache, and a request that
 * asked for it by name is told so. Branches are numbered from the outermost, 0, as in DeepCache's helper, whose parameters
 * have these names; DeepCache's older pipeline for Stable Video Diffusion skips branch 0 and calls its parameter otherwise.
 */
export function cacheFields(
  wish: CacheWish,
  manifest: ModelManifest,
): { readonly fields: Readonly<Record<string, number>>; readonly warnings: readonly string[] } {
  const enabled = wish.enable_deepcache ?? CACHE_DEFAULTS.enable_deepcache;
  const interval = wish.cache_interval ?? CACHE_DEFAULTS.cache_interval;
  const branch = wish.cache_branch_id ?? CACHE_DEFAULTS.cache_branch_id;
  if (!enabled || interval === 1) return { fields: {}, warnings: [] };
  const { deepcache } = manifest.abilities;
  if (deepcache.includes(branch)) {
    return { fields: { deepcache_interval: interval, deepcache_branch: branch }, warnings: [] };
  }
  const has = deepcache.length === 0 ? 'none' : deepcache.join(', ');
  const warning = `enable_deepcache has no effect: the model ${manifest.name} has no cached graphs for branch ${branch} (it has ${has}), so every step runs uncached`;
  return { fields: {}, warnings: wish.enable_deepcache === true ? [warning] : [] };
}
