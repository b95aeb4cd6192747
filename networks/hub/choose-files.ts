import { HubError } from './hub-error.js';

const PARTS = ['unet', 'vae', 'image_encoder'] as const;
const SETTINGS = [
  /^(?:unet|vae|image_encoder)\/config\.json$/,
  /^(?:model_index|scheduler\/scheduler_config|feature_extractor\/preprocessor_config)\.json$/,
  /^(?:LICENSE|README)(?:\.\w+)?$/i,
];
const HALF = /\.fp16(?:-\d+-of-\d+)?\.safetensors$|\.index\.fp16\.json$/;
const WEIGHTS = /\.safetensors$|\.index(?:\.fp16)?\.json$/;

/**
 * Which of a repository's files a conversion reads: settings, and one variant of each network's weights, the preferred
 * one where both exist. Single files, other formats and sample pictures stay where they are.
 * @param parts whose weights are wanted
 * @throws HubError when the repository is no pipeline folder
 */
export function chooseFiles(
  paths: readonly string[],
  prefer: 'fp16' | 'full',
  parts: readonly (typeof PARTS)[number][] = PARTS,
): string[] {
  const unsafe = paths.find((path) => path.split('/').includes('..') || path.startsWith('/'));
  if (unsafe !== undefined) throw new HubError(`The repository lists a file outside of itself: ${unsafe}`);
  const weights = parts.flatMap((part) => {
    const all = paths.filter((path) => path.startsWith(`${part}/`) && WEIGHTS.test(path));
    if (all.length === 0)
      throw new HubError(`The repository has no ${part}/*.safetensors; it is no SVD pipeline`);
    const half = all.filter((path) => HALF.test(path));
    const full = all.filter((path) => !HALF.test(path));
    const [first, second] = prefer === 'fp16' ? [half, full] : [full, half];
    return first.length > 0 ? first : second;
  });
  const settings = paths.filter((path) => SETTINGS.some((pattern) => pattern.test(path)));
  return [...settings, ...weights];
}
