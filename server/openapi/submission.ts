import { z } from 'zod';
import { clipSchema } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { imageIndexField, imageUrlField, promptField } from '../api/fields.js';
import { eventsField, webhookField } from '../webhooks/subscription.js';
import { binary, type RequestBody } from './route-parts.js';

export const taskId = z.object({ id: z.string().describe('Id of a task') });

export const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', maxLength: 255 },
  description: 'The same key with the same body gives the same task again, for 24 hours',
} as const;

/** Everything that a request for a clip may have, with the ranges and the defaults of the model. */
export function submission(manifest: ModelManifest) {
  return z.object({
    [promptField.name]: promptField.schema,
    [imageUrlField.name]: imageUrlField.schema,
    [imageIndexField.name]: imageIndexField.schema,
    ...clipSchema(manifest).shape,
    [webhookField.name]: webhookField.schema,
    [eventsField.name]: eventsField.schema,
  });
}

export function submissionBody(manifest: ModelManifest): RequestBody {
  const fields = submission(manifest);
  const upload = fields.extend({
    image: binary('The picture to animate: PNG, JPEG, WebP or GIF; `file` is taken as well').optional(),
  });
  return {
    description:
      'One of `prompt`, `image_url` and an uploaded picture; whatever else is left out is the model’s recipe',
    content: {
      'multipart/form-data': { schema: upload },
      'application/json': { schema: fields },
      'application/x-www-form-urlencoded': { schema: fields },
    },
  };
}
