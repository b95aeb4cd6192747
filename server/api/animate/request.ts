import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { defaultSteps } from '../default-steps.js';
import { schemaFaults, unprocessable } from '../fastapi-errors.js';
import { furtherFields } from '../further-fields.js';
import type { JsonBody } from '../json-body.js';
import { laxInteger, laxNumber } from '../lax-fields.js';

/** The steps of a request that names neither them nor a preset. */
export const usualSteps = (manifest: ModelManifest): number => defaultSteps(18, manifest);

/** What POST /gpu/animate takes. Unknown fields are ignored. */
export const animateRequest = (manifest: ModelManifest) =>
  z.object({
    image_base64: z
      .string()
      .default('')
      .describe('The picture: base64, or a data URL; the default picture when empty'),
    motion_bucket_id: laxInteger(1, 255).default(127).describe('Amount of motion'),
    noise_aug_strength: laxNumber(0, 1)
      .default(0.02)
      .describe('Noise added to the picture that conditions the model'),
    num_frames: laxInteger(8, 24).default(12).describe('Frames; fewer where the model makes fewer'),
    num_steps: laxInteger(5, 40)
      .optional()
      .meta({ description: 'Sampler steps; a preset’s where one is given', default: usualSteps(manifest) }),
    fps: laxInteger(1, 30).default(7).describe('Frames a second; more than 25 become 25'),
    seed: laxInteger(0, Number.MAX_SAFE_INTEGER)
      .nullable()
      .default(null)
      .describe('Start of the random numbers; random when null'),
    ...furtherFields(manifest),
  });
export type AnimateRequest = z.infer<ReturnType<typeof animateRequest>>;

/** Reads a body. @throws ServiceError 422 with every fault */
export function createAnimateReader(manifest: ModelManifest): (body: JsonBody) => AnimateRequest {
  const schema = animateRequest(manifest);
  return (body) => {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw unprocessable(schemaFaults(parsed.error, body));
    return parsed.data;
  };
}
