import { drawSeed } from '../../../pipeline/clip-request.js';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { specOf } from '../../../samplers/index.js';
import type { Proposal } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { clipSeed } from '../clip-seed.js';
import { sizeFor, type ClipSize } from '../clip-size.js';
import { propose } from '../submit.js';
import type { GenerationOrigin } from './generations.js';
import { furtherOf } from '../further-fields.js';
import { DEFAULT_CFG_SCALE, type Img2VideoRequest } from './request.js';

/** The limit of this API, where the service's own is not lower. */
export const MAX_PICTURE_BYTES = 10 * 2 ** 20;

export interface GenerationRest {
  readonly id: string;
  readonly owner: string;
}

/** The task that a request comes to. @throws ServiceError about the picture */
export async function proposeGeneration(
  parts: ApiParts,
  { picture: bytes, fields }: Img2VideoRequest,
  { id, owner }: GenerationRest,
): Promise<Proposal> {
  const { manifest, pictureLimits, pictureWork, config } = parts;
  const picture = await pictureWork.normalise(bytes, pictureLimits, 'image');
  const { T } = manifest.recipe;
  const [W, H] = sizeFor(nearestSize(picture.width, picture.height), T, manifest);
  // Never 0: whoever sends the seed of a random video again gets that video.
  const seed = fields.seed === 0 ? drawSeed(1) : fields.seed;
  const { guidance, warnings } = guide(fields.cfg_scale, manifest);
  const clip = {
    ...{ W, H, T, seed: clipSeed(seed), motion_bucket_id: fields.motion_bucket_id },
    ...guidance,
    ...furtherOf(fields),
  };
  const request: GenerationOrigin = {
    seed,
    dimensions: `${W}x${H}`,
    resized: W !== picture.width || H !== picture.height,
  };
  return propose(
    parts,
    { source: { type: 'upload' }, picture, clip, warnings },
    {
      owner,
      origin: { api: 'img2video', externalId: id, request: { ...request } },
      expiresAt: Date.now() + config.img2videoKeepMs,
    },
  );
}

/** Which of the API's three sizes a picture comes to, by its proportions. */
export function nearestSize(width: number, height: number): ClipSize {
  const aspect = width / height;
  if (aspect > 1.5) return [1024, 576];
  return aspect < 0.67 ? [576, 1024] : [768, 768];
}

/** The parameters of guiders that say how strong the guidance is; 1 is none. */
const STRENGTHS = ['cfg_scale', 'max_cfg_scale', 'min_guidance_scale'];

/** Guidance as strong beside that of the model's recipe as `cfgScale` is beside its default. */
export function guide(
  cfgScale: number,
  { abilities, name, recipe: { guider } }: Pick<ModelManifest, 'abilities' | 'name' | 'recipe'>,
): { guidance: Record<string, number>; warnings: string[] } {
  if (!abilities.guidance) {
    const warning = `cfg_scale has no effect: the model ${name} has no unconditional branch to guide with`;
    return { guidance: {}, warnings: cfgScale === DEFAULT_CFG_SCALE ? [] : [warning] };
  }
  const strengths = specOf('guider', guider.name).parameters.filter((p) => STRENGTHS.includes(p.name));
  const scaled = strengths.map((p) => {
    const strength = (Number(guider.params[p.name]) * cfgScale) / DEFAULT_CFG_SCALE;
    return [p.name, Math.min(Math.max(strength, 1, p.min), p.max)] as const;
  });
  return { guidance: Object.fromEntries(scaled), warnings: [] };
}
