import { randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { callerOf } from '../access/caller.js';
import type { Picture, PictureLimits } from '../images/picture.js';
import type { PictureWork } from '../images/picture-work.js';
import type { NewTask, TaskSource } from '../tasks/task.js';
import type { ReadWebhook } from '../webhooks/subscription.js';
import { accept, type AcceptParts, type Proposal, type Submission } from './accept.js';
import type { Form, FormReader } from './form.js';
import { readClaim } from './idempotency-key.js';
import { choosePicture } from './picture-choice.js';
import { chooseSource } from './task-source.js';

export interface SubmitOptions extends AcceptParts {
  readonly readForm: FormReader;
  readonly readWebhook: ReadWebhook;
  readonly manifest: ModelManifest;
  readonly pictureLimits: PictureLimits;
  readonly pictureWork: Pick<PictureWork, 'normalise'>;
  /** True where the image provider makes more than one picture of a prompt. */
  readonly pictureChoice: boolean;
}

/** Reads a request for a clip, checks it, and accepts its task. @throws ServiceError: what is wrong with the request */
export type Submit = (ctx: Context) => Promise<Submission>;

export const newTaskId = (): string => randomUUID().replaceAll('-', '');

export const createSubmit =
  (o: SubmitOptions): Submit =>
  async (ctx) => {
    const form = await o.readForm(ctx);
    return accept(o, () => proposeForm(o, form, callerOf(ctx).owner), { claim: readClaim(ctx, form) });
  };

async function proposeForm(o: SubmitOptions, form: Form, owner: string): Promise<Proposal> {
  const {
    prompt,
    image_url,
    image_index,
    webhook: url,
    webhook_events_filter: events,
    ...clip
  } = form.fields;
  const { source, warnings } = chooseSource(form, prompt, image_url);
  const { webhook, warnings: more } = await o.readWebhook(url, events);
  const asked = { source, clip, imageIndex: image_index, warnings: [...warnings, ...more] };
  return propose(o, form.picture ? { ...asked, picture: form.picture } : asked, { webhook, owner });
}

/** What is asked for, checked only as far as its API goes. */
export interface Asked {
  readonly source: TaskSource;
  /** The picture of an upload, undecoded or already found good. */
  readonly picture?: Buffer | Picture;
  /** Wire fields of the clip. */
  readonly clip: Readonly<Record<string, unknown>>;
  /** Which of a provider's pictures. */
  readonly imageIndex?: unknown;
  readonly warnings?: readonly string[];
}

/**
 * The task that a request of any API comes to: the parameters resolved against the model's recipe, an upload decoded and
 * encoded anew. @throws InvalidParameterError, ServiceError naming the field
 */
export async function propose(
  o: Pick<SubmitOptions, 'manifest' | 'pictureLimits' | 'pictureWork' | 'pictureChoice'>,
  { source: asked, picture, clip: fields, imageIndex, warnings: earlier = [] }: Asked,
  rest: Pick<NewTask, 'webhook' | 'origin' | 'owner' | 'expiresAt'>,
): Promise<Proposal> {
  const clip = resolveClip(fields, o.manifest);
  const { source, warnings } = choosePicture(asked, imageIndex, clip.params.seed, o.pictureChoice);
  const task: NewTask = {
    ...rest,
    id: newTaskId(),
    source,
    params: clip.params,
    model: o.manifest.name,
    warnings: [...earlier, ...warnings, ...clip.warnings],
  };
  if (source.type !== 'upload' || !picture) return { task };
  const { png } = Buffer.isBuffer(picture)
    ? await o.pictureWork.normalise(picture, o.pictureLimits, 'image')
    : picture;
  return { task, picture: png };
}
