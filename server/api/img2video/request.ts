import { extname } from 'node:path';
import { z } from 'zod';
import { numberFromText } from '../../../pipeline/clip-request.js';
import { invalidRequest } from '../../errors.js';
import { sniffPicture } from '../../images/picture-format.js';
import type { Form } from '../form.js';

/** The upstream's largest seed. */
const MAX_SEED = 4_294_967_294;
/** A longer ending of a file's name is not repeated. */
const MAX_ENDING = 20;

/** A number as a form carries it; blank counts as not given. */
const fromForm = (value: unknown): unknown => (value === '' ? undefined : numberFromText(value));

function field(
  name: string,
  number: z.ZodNumber | z.ZodInt,
  [min, max]: readonly [number, number],
  fallback: number,
) {
  const error = `${name} must be between ${min} and ${max}`;
  return z.preprocess(fromForm, number.min(min, { error }).max(max, { error }).default(fallback));
}

/** The fields beside the picture. Unknown ones are ignored. */
export const img2videoFields = z.object({
  seed: field('seed', z.int({ error: 'seed must be an integer' }), [0, MAX_SEED], 0).describe(
    'Start of the random numbers; 0 is random',
  ),
  cfg_scale: field('cfg_scale', z.number({ error: 'cfg_scale must be a number' }), [0, 10], 1.5).describe(
    'How closely the video keeps to the picture; 1.5 is the model’s own guidance',
  ),
  motion_bucket_id: field(
    'motion_bucket_id',
    z.int({ error: 'motion_bucket_id must be an integer' }),
    [1, 255],
    127,
  ).describe('Amount of motion'),
});
export type Img2VideoFields = z.infer<typeof img2videoFields>;

/** A request whose picture is a JPEG or PNG by its name and by its first bytes; nothing is decoded yet. */
export interface Img2VideoRequest {
  readonly picture: Buffer;
  readonly fields: Img2VideoFields;
}

/** @throws ServiceError 400 in the words of the API */
export function readImg2VideoRequest(form: Form): Img2VideoRequest {
  const picture = readPicture(form);
  const parsed = img2videoFields.safeParse(form.fields);
  if (parsed.success) return { picture, fields: parsed.data };
  const [issue] = parsed.error.issues;
  throw invalidRequest(issue.message, { field: String(issue.path[0]) });
}

function readPicture({ picture, pictureName }: Form): Buffer {
  if (pictureName === undefined) throw refused('Image file is required');
  if (!picture) throw refused('No selected file');
  const ending = extname(pictureName).slice(1).toLowerCase();
  if (!['jpg', 'jpeg', 'png'].includes(ending)) throw notSupported(ending);
  const sniffed = sniffPicture(picture);
  const found = 'found' in sniffed ? sniffed.found : sniffed.format;
  if (!['jpeg', 'png'].includes(found)) throw notSupported(found);
  return picture;
}

const refused = (message: string): Error => invalidRequest(message, { field: 'image' });

const notSupported = (received: string): Error =>
  refused(
    'File format not supported. Please use JPG or PNG images. ' +
      `Received: ${received.slice(0, MAX_ENDING) || 'unknown'}`,
  );
