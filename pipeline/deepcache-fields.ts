import { InvalidParameterError } from '../samplers/index.js';
import type { ClipParams } from './clip-params.js';
import type { ModelManifest } from './manifest.js';

export type DeepcacheParams = Pick<ClipParams, 'deepcache_interval' | 'deepcache_branch'>;

/**
 * Resolves how features are cached: not at all unless asked for, and then at the model's outermost branch unless another one
 * is named.
 * @throws InvalidParameterError when the model has no such branch, or none
 */
export function resolveDeepcache(
  given: Readonly<Record<string, unknown>>,
  { name, abilities: { deepcache: branches } }: ModelManifest,
): DeepcacheParams {
  const interval = Number(given.deepcache_interval ?? 1);
  const branch = given.deepcache_branch === undefined ? undefined : Number(given.deepcache_branch);
  // A request's branch is checked as its other fields are: this one is a preset's.
  if (branch !== undefined && !branches.includes(branch)) {
    const has = branches.length === 0 ? lacking(name) : `the branches of ${name} are ${branches.join(', ')}`;
    throw new InvalidParameterError('deepcache_branch', branch, `left out: ${has}`);
  }
  if (interval === 1) return { deepcache_interval: 1 };
  if (branches.length === 0) {
    throw new InvalidParameterError('deepcache_interval', interval, `1 or left out: ${lacking(name)}`);
  }
  return { deepcache_interval: interval, deepcache_branch: branch ?? branches[0] };
}

const lacking = (name: string): string => `the model ${name} was converted without branches for caching`;
