import type { Context } from 'koa';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import { COMPONENT_KINDS, specOf } from '../../samplers/index.js';
import { callerOf } from '../access/caller.js';
import { invalidRequest, ServiceError } from '../errors.js';
import type { MediaStorage } from '../media/storage.js';
import type { Task } from '../tasks/task.js';
import { accept, type Proposal, type Submission } from './accept.js';
import { readClaim } from './idempotency-key.js';
import { newTaskId, type SubmitOptions } from './submit.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Accepts a new task with the source and the parameters of an earlier one, but for those that the request's body gives
 * anew. @throws ServiceError `picture_gone` when the uploaded picture is there no more, or what is wrong with the body
 */
export async function rerun(o: SubmitOptions, ctx: Context, earlier: Task): Promise<Submission> {
  const form = await o.readForm(ctx);
  if (form.picture) {
    throw invalidRequest('A rerun takes the picture of its task; for another one submit a new task', {
      field: 'image',
      allowed: 'no picture',
    });
  }
  const claim = readClaim(ctx, { fields: { ...form.fields, rerun: earlier.id } });
  return accept(o, () => propose(o, earlier, form.fields, callerOf(ctx).owner), { claim });
}

async function propose(o: SubmitOptions, earlier: Task, body: Fields, owner: string): Promise<Proposal> {
  const { webhook: url, webhook_events_filter: events, ...overrides } = body;
  const clip = resolveClip(overrideParams(earlier.params, overrides), o.manifest);
  const { webhook, warnings } = await o.readWebhook(url, events);
  const task = {
    id: newTaskId(),
    source: earlier.source,
    params: clip.params,
    model: o.manifest.name,
    warnings: [...clip.warnings, ...warnings, ...modelWarning(earlier.model, o.manifest.name)],
    webhook,
    kind: earlier.kind,
    owner,
  };
  if (earlier.source.type !== 'upload') return { task };
  return { task, picture: await readPicture(o.storage, earlier.id) };
}

/**
 * The wire fields of the new clip. Another component begins at its own documented defaults: the parameters of the one
 * that it replaces go with it. `seed` as null or `new` asks for a seed to be drawn.
 */
export function overrideParams(params: ClipParams, overrides: Fields): Fields {
  const fields: Record<string, unknown> = { ...params };
  for (const kind of COMPONENT_KINDS) {
    if (overrides[kind] === undefined || overrides[kind] === params[kind]) continue;
    for (const { name } of specOf(kind, params[kind]).parameters) delete fields[name];
  }
  Object.assign(fields, overrides);
  if (fields.seed === null || fields.seed === 'new') delete fields.seed;
  return fields;
}

const modelWarning = (before: string, now: string): string[] =>
  before === now ? [] : [`The earlier task was made with the model ${before}`];

async function readPicture(storage: MediaStorage, id: string): Promise<Buffer> {
  const handle = await storage.open(storage.picture(id));
  if (!handle) {
    throw new ServiceError(
      409,
      'picture_gone',
      'The uploaded picture of this task is deleted once its clip is made; upload it again with a new task',
    );
  }
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
