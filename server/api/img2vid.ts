import { randomUUID } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import { InvalidParameterError } from '../../samplers/index.js';
import { invalidRequest } from '../errors.js';
import type { PictureLimits } from '../images/picture.js';
import { normalisePicture } from '../images/picture.js';
import { CHOICES, choiceOfSeed } from '../images/providers/choice.js';
import type { MediaStorage } from '../media/storage.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskSource } from '../tasks/task.js';
import type { Form, FormReader } from './form.js';

export interface Img2vidOptions {
  readonly readForm: FormReader;
  readonly manifest: ModelManifest;
  readonly runner: TaskRunner;
  readonly storage: MediaStorage;
  readonly pictureLimits: PictureLimits;
  /** True where the image provider makes more than one picture of a prompt. */
  readonly pictureChoice: boolean;
}

const MAX_PROMPT = 8192;

/** POST /img2vid: accepts a task from a prompt, a picture's address or an uploaded picture and answers with it at once. */
export const img2vid =
  ({ readForm, manifest, runner, storage, pictureLimits, pictureChoice }: Img2vidOptions): Middleware =>
  async (ctx: Context) => {
    const form = await readForm(ctx);
    const { prompt, image_url, image_index, ...rest } = form.fields;
    const chosen = chooseSource(form, prompt, image_url);
    const clip = resolveClip(rest, manifest);
    const { source, warning } = chooseImage(chosen.source, image_index, clip.params.seed, pictureChoice);
    const warnings = [...chosen.warnings, ...(warning === undefined ? [] : [warning]), ...clip.warnings];
    const id = randomUUID().replaceAll('-', '');
    if (source.type === 'upload' && form.picture) {
      const { png } = await normalisePicture(form.picture, pictureLimits);
      await storage.write(storage.picture(id), png);
    }
    try {
      ctx.body = await runner.submit({
        id,
        source,
        params: clip.params,
        model: manifest.name,
        warnings,
      });
    } catch (error) {
      await storage.remove(id); // not acknowledged: nothing of it stays
      throw error;
    }
  };

/** The first of prompt, image_url and upload that is there; a warning names those that are not used. */
function chooseSource(
  form: Form,
  promptField: unknown,
  urlField: unknown,
): { source: TaskSource; warnings: string[] } {
  const prompt = text('prompt', promptField);
  const url = text('image_url', urlField);
  if (prompt !== undefined && prompt.length > MAX_PROMPT) {
    throw invalidRequest(
      `Expected \`prompt\` to have at most ${MAX_PROMPT} characters, got ${prompt.length}`,
      {
        field: 'prompt',
        allowed: `1 to ${MAX_PROMPT} characters`,
      },
    );
  }
  const given: [field: string, source: TaskSource][] = [
    ...(prompt === undefined ? [] : [['prompt', { type: 'prompt', prompt }] as [string, TaskSource]]),
    ...(url === undefined
      ? []
      : [['image_url', { type: 'image_url', image_url: webAddress(url) }] as [string, TaskSource]]),
    ...(form.picture ? [['image', { type: 'upload' }] as [string, TaskSource]] : []),
  ];
  if (given.length === 0) {
    throw invalidRequest('Image and prompt not found', {
      allowed: 'one of prompt, image_url, or an uploaded file in image',
    });
  }
  const [[used, source], ...unused] = given;
  return { source, warnings: unused.map(([field]) => `${field} is not used, because ${used} is given`) };
}

/** Settles which picture of a prompt is used: the one asked for, else the one its seed stands for. */
function chooseImage(
  source: TaskSource,
  field: unknown,
  seed: number,
  pictureChoice: boolean,
): { source: TaskSource; warning?: string } {
  const index = imageIndex(field);
  if (source.type === 'prompt' && pictureChoice) {
    return { source: { ...source, image_index: index ?? choiceOfSeed(seed) } };
  }
  if (index === undefined) return { source };
  const why =
    source.type === 'prompt' ? 'the image provider makes one picture' : 'no picture is made of a prompt';
  return { source, warning: `image_index has no effect: ${why}` };
}

/** The field `image_index`; blank counts as not given. */
function imageIndex(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const index = typeof value === 'string' && /^\s*[0-9]+\s*$/.test(value) ? Number(value) : value;
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 1 || index > CHOICES) {
    throw new InvalidParameterError('image_index', value, `an integer from 1 to ${CHOICES}`);
  }
  return index;
}

/** A text field; blank counts as not given. */
function text(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') {
    throw invalidRequest(`Expected \`${field}\` to be a text, got ${JSON.stringify(value)}`, {
      field,
      allowed: 'a text',
    });
  }
  return value.trim() === '' ? undefined : value.trim();
}

/** What cannot be an address is refused at once; whether it may be fetched is decided when it is. */
function webAddress(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalidRequest('Expected `image_url` to be an http or https address without credentials', {
      field: 'image_url',
      allowed: 'an http:// or https:// address',
    });
  }
  return value;
}
