import { extname } from 'node:path';
import { z } from 'zod';
import { numberFromText } from '../../../pipeline/clip-request.js';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { invalidRequest } from '../../errors.js';
import { sniffPicture } from '../../images/picture-format.js';
import { fieldError } from '../fields.js';
import type { Form } from '../form.js';
import { furtherFields, ownFields } from '../further-fields.js';

/** The upstream's largest seed. */
const MAX_SEED = 4_294_967_294;
/** A longer ending of a file's name is not repeated. */
const MAX_ENDING = 20;

/** Blank counts as not given. */
const withoutBlanks = (fields: Form['fields']): Form['fields'] =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));

function field(
  name: string,
  number: z.ZodNumber | z.ZodInt,
  [min, max]: readonly [number, number],
  fallback: number,
) {
  const error = `${name} must be between ${min} and ${max}`;
  return z.preprocess(numberFromText, number.min(min, { error }).max(max, { error }).default(fallback));
}

const apiFields = z.object({
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
export const DEFAULT_CFG_SCALE = apiFields.parse({}).cfg_scale;

/** The fields beside the picture, with a model. Unknown ones are ignored. */
export const img2videoFields = (manifest: ModelManifest) => apiFields.extend(furtherFields(manifest));
export type Img2VideoFields = z.infer<ReturnType<typeof img2videoFields>>;

/** A request whose picture is a JPEG or PNG by its name and by its first bytes; nothing is decoded yet. */
export interface Img2VideoRequest {
  readonly picture: Buffer;
  readonly fields: Img2VideoFields;
}

/** Reads a form. @throws ServiceError 400 in the words of the API */
export function createImg2VideoReader(manifest: ModelManifest): (form: Form) => Img2VideoRequest {
  const schema = img2videoFields(manifest);
  const known = ownFields(manifest);
  return (form) => {
    const picture = readPicture(form);
    const fields = withoutBlanks(form.fields);
    const parsed = schema.safeParse(fields);
    if (parsed.success) return { picture, fields: parsed.data };
    const [issue] = parsed.error.issues;
    const name = String(issue.path[0]);
    const further = name in apiFields.shape ? undefined : known.find((field) => field.name === name);
    throw further ? fieldError(further, fields[name]) : invalidRequest(issue.message, { field: name });
  };
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
