import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { InvalidParameterError } from '../../../samplers/index.js';
import { ServiceError } from '../../errors.js';
import { decodeBase64 } from '../../images/base64.js';
import { invalidImage } from '../../images/picture-errors.js';
import type { Proposal } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { clipSeed } from '../clip-seed.js';
import { sizeFor, type ClipSize } from '../clip-size.js';
import { parameterFault } from '../fastapi-errors.js';
import { furtherOf } from '../further-fields.js';
import { propose } from '../submit.js';
import { usualSteps, type AnimateRequest } from './request.js';

/** What the answer repeats of the request; kept with the task. */
export interface AnimateOrigin {
  readonly seed: number | null;
  /** Size of the picture before it was stretched. */
  readonly input_width: number;
  readonly input_height: number;
}

const SIZE: ClipSize = [1024, 576];
const MAX_FPS = 25;
const FIELD = 'image_base64';
/** Frames decoded at a time. */
const DECODE_CHUNK = 4;
/** By the clip's name of a field, the API's. */
const NAMES = { T: 'num_frames', steps: 'num_steps' };

/** The task that a request comes to. @throws ServiceError about the picture */
export async function proposeAnimation(
  parts: ApiParts,
  request: AnimateRequest,
  owner: string,
): Promise<Proposal> {
  const bytes = await pictureOf(request, parts.config.defaultPicture);
  const picture = await parts.pictureWork
    .normalise(bytes, parts.pictureLimits, FIELD)
    .catch((error: unknown) => {
      throw error instanceof ServiceError ? invalidInput(error) : error;
    });
  const { clip, warnings } = clipOf(request, parts.manifest);
  const origin: AnimateOrigin = {
    seed: request.seed,
    input_width: picture.width,
    input_height: picture.height,
  };
  const asked = { source: { type: 'upload' }, picture, clip, warnings } as const;
  const rest = { owner, origin: { api: 'animate', externalId: null, request: { ...origin } } } as const;
  return propose(parts, asked, rest).catch((error: unknown) => {
    throw error instanceof InvalidParameterError ? parameterFault(error, NAMES) : error;
  });
}

async function pictureOf({ image_base64: text }: AnimateRequest, defaultPicture: string): Promise<Buffer> {
  if (text.trim() !== '') {
    const bytes = decodeBase64(text);
    if (!bytes) throw invalidInput(invalidImage('it is not base64', FIELD));
    return bytes;
  }
  return readFile(defaultPicture).catch((cause: unknown) => {
    const message = `Default image not found: ${basename(defaultPicture)}`;
    throw new ServiceError(500, 'default_picture_missing', message, { cause });
  });
}

/** The wire fields of the clip; as many frames as the model can make of those asked for. */
function clipOf(
  request: AnimateRequest,
  manifest: ModelManifest,
): { clip: Record<string, unknown>; warnings: string[] } {
  const T = Math.min(request.num_frames, manifest.limits.T);
  const [W, H] = sizeFor(SIZE, T, manifest);
  const fps = Math.min(request.fps, MAX_FPS);
  const warnings: string[] = [];
  if (T < request.num_frames) warnings.push(`The model ${manifest.name} makes ${T} frames at most`);
  const clip = {
    W,
    H,
    T,
    fps,
    steps: request.num_steps ?? (request.preset === undefined ? usualSteps(manifest) : undefined),
    motion_bucket_id: request.motion_bucket_id,
    cond_aug: request.noise_aug_strength,
    decoding_t: DECODE_CHUNK,
    fit: 'stretch',
    outputs: 'mp4+gif',
    ...(request.seed === null ? {} : { seed: clipSeed(request.seed) }),
    ...furtherOf(request),
  };
  return { clip, warnings };
}

/** The error in the API's words, which our own make way for. */
export const invalidInput = ({ status, code, message, field }: ServiceError): ServiceError =>
  new ServiceError(
    status,
    code,
    `Invalid input image: ${message.replace(/^(Invalid image file|Image too large): /, '')}`,
    field === undefined ? {} : { field },
  );
