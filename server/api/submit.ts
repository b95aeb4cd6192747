import { randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { ServiceError } from '../errors.js';
import { normalisePicture, type PictureLimits } from '../images/picture.js';
import type { MediaStorage } from '../media/storage.js';
import type { KeyClaim } from '../tasks/idempotency.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import type { NewTask } from '../tasks/task.js';
import type { TaskView } from '../tasks/view.js';
import type { ReadWebhook } from '../webhooks/subscription.js';
import type { Form, FormReader } from './form.js';
import { readClaim } from './idempotency-key.js';
import { choosePicture } from './picture-choice.js';
import { chooseSource } from './task-source.js';

export interface SubmitOptions {
  readonly readForm: FormReader;
  readonly readWebhook: ReadWebhook;
  readonly manifest: ModelManifest;
  readonly table: TaskTable;
  readonly runner: TaskRunner;
  readonly storage: MediaStorage;
  readonly pictureLimits: PictureLimits;
  /** True where the image provider makes more than one picture of a prompt. */
  readonly pictureChoice: boolean;
}

/** A task that was asked for and found good, with its picture where that is there already (PNG). */
export interface Proposal {
  readonly task: NewTask;
  readonly picture?: Uint8Array;
}

/** The task that a request led to; `replayed` when an earlier request with the same `Idempotency-Key` made it. */
export interface Submission {
  readonly task: TaskView;
  readonly replayed: boolean;
}

/** Reads a request for a clip, checks it, and accepts its task. @throws ServiceError: what is wrong with the request */
export type Submit = (ctx: Context) => Promise<Submission>;

export const newTaskId = (): string => randomUUID().replaceAll('-', '');

export const createSubmit =
  (o: SubmitOptions): Submit =>
  async (ctx) => {
    const form = await o.readForm(ctx);
    return accept(o, () => propose(o, form), readClaim(ctx, form));
  };

async function propose(o: SubmitOptions, form: Form): Promise<Proposal> {
  const {
    prompt,
    image_url,
    image_index,
    webhook: url,
    webhook_events_filter: events,
    ...rest
  } = form.fields;
  const chosen = chooseSource(form, prompt, image_url);
  const clip = resolveClip(rest, o.manifest);
  const { source, warnings } = choosePicture(chosen.source, image_index, clip.params.seed, o.pictureChoice);
  const asked = await o.readWebhook(url, events);
  const task: NewTask = {
    id: newTaskId(),
    source,
    params: clip.params,
    model: o.manifest.name,
    warnings: [...chosen.warnings, ...warnings, ...clip.warnings, ...asked.warnings],
    webhook: asked.webhook,
  };
  if (source.type !== 'upload' || !form.picture) return { task };
  return { task, picture: (await normalisePicture(form.picture, o.pictureLimits)).png };
}

/**
 * Accepts what is proposed: the picture is stored, the task is durable and queued. With a claim it is done once for each
 * key, and a repeated request gets the task of the first without anything being proposed.
 */
export async function accept(
  o: Pick<SubmitOptions, 'table' | 'runner' | 'storage'>,
  proposal: () => Promise<Proposal>,
  claim?: KeyClaim,
): Promise<Submission> {
  const earlier = claim && (await findEarlier(o, claim));
  if (earlier) return { task: earlier, replayed: true };
  const { task, picture } = await proposal();
  let accepted: TaskView | undefined;
  try {
    if (picture) await o.storage.write(o.storage.picture(task.id), picture);
    accepted = await (claim ? o.runner.submitOnce(task, claim) : o.runner.submit(task));
  } finally {
    if (!accepted) await o.storage.remove(task.id); // not acknowledged: nothing of it stays
  }
  // A request with the same key came in between: the second look finds its task.
  return accepted ? { task: accepted, replayed: false } : accept(o, proposal, claim);
}

async function findEarlier(
  { table, runner }: Pick<SubmitOptions, 'table' | 'runner'>,
  { key, fingerprint }: KeyClaim,
): Promise<TaskView | undefined> {
  const claimed = await table.findKey(key);
  if (!claimed) return undefined;
  if (claimed.fingerprint !== fingerprint) {
    throw new ServiceError(
      422,
      'idempotency_key_reused',
      'This `Idempotency-Key` was sent before with another body',
      { field: 'Idempotency-Key', allowed: 'a key that is new, or the body that it was first sent with' },
    );
  }
  const task = await table.get(claimed.taskId);
  // A retry that was under way must not bring back what somebody has deleted.
  if (!task)
    throw new ServiceError(410, 'task_deleted', 'The task of this `Idempotency-Key` has been deleted');
  return runner.view(task);
}
