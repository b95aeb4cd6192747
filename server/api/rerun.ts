import type { Context } from 'koa';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { numberFromText, resolveClip } from '../../pipeline/clip-request.js';
import { presetFields } from '../../pipeline/presets.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { COMPONENT_KINDS, specOf } from '../../samplers/index.js';
import { callerOf } from '../access/caller.js';
import { invalidRequest, ServiceError } from '../errors.js';
import type { MediaStorage } from '../media/storage.js';
import type { ClipMatter, PictureMatter, StoryMatter, Task, TaskMatter } from '../tasks/task.js';
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
  if (Array.isArray(form.fields)) {
    throw invalidRequest('The body is a list', { allowed: 'an object of the parameters to change' });
  }
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
  const { matter, warnings: told } =
    earlier.kind === 'clip'
      ? clipAgain(earlier, overrides, o.manifest)
      : seededAgain(earlier, overrides, o.manifest);
  const { webhook, warnings } = await o.readWebhook(url, events);
  const task = {
    ...matter,
    id: newTaskId(),
    model: o.manifest.name,
    warnings: [...told, ...warnings, ...modelWarning(earlier.model, o.manifest.name)],
    webhook,
    owner,
  };
  if (earlier.source.type !== 'upload') return { task };
  return { task, picture: await readPicture(o.storage, earlier.id) };
}

interface Again {
  readonly matter: TaskMatter;
  readonly warnings: readonly string[];
}

function clipAgain({ source, params }: ClipMatter, overrides: Fields, manifest: ModelManifest): Again {
  const clip = resolveClip(overrideParams(params, overrides), manifest);
  return { matter: { source, params: clip.params }, warnings: clip.warnings };
}

/** A picture or a story is made again as it was, but for its seed. */
function seededAgain(
  { kind, source, params }: PictureMatter | StoryMatter,
  { seed: given, ...others }: Fields,
  manifest: ModelManifest,
): Again {
  for (const field of Object.keys(others)) {
    throw invalidRequest(`A ${kind} is made again with the same fields, but for its seed`, {
      field,
      allowed: 'left out',
    });
  }
  const { seed } = resolveClip(overrideSeed({ seed: params.seed }, given), manifest).params;
  if (kind === 'picture') return { matter: { kind, source, params: { ...params, seed } }, warnings: [] };
  const clip = params.clip && resolveClip({ ...params.clip, seed }, manifest);
  return {
    matter: { kind, source, params: { ...params, seed, clip: clip?.params ?? null } },
    warnings: clip?.warnings ?? [],
  };
}

/**
 * The wire fields of the new clip. Another component begins at its own documented defaults: the parameters of the one
 * that it replaces go with it, as the branch goes with caching. A preset replaces all that presets decide. `seed` as null or `new` asks for a seed to be drawn.
 */
export function overrideParams(params: ClipParams, overrides: Fields): Fields {
  const fields: Record<string, unknown> = { ...params };
  if (overrides.preset !== undefined) for (const name of presetFields()) delete fields[name];
  for (const kind of COMPONENT_KINDS) {
    if (overrides[kind] === undefined || overrides[kind] === params[kind]) continue;
    for (const { name } of specOf(kind, params[kind]).parameters) delete fields[name];
  }
  if (numberFromText(overrides.deepcache_interval) === 1) delete fields.deepcache_branch;
  const all: Fields = { ...fields, ...overrides };
  return overrideSeed(all, all.seed);
}

/** `null` and `new` leave the seed out, and have it drawn. */
function overrideSeed(fields: Fields, seed: unknown): Fields {
  if (seed === undefined) return fields;
  if (seed !== null && seed !== 'new') return { ...fields, seed };
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'seed'));
}

const modelWarning = (before: string, now: string): string[] =>
  before === now ? [] : [`The earlier task was made with the model ${before}`];

async function readPicture(storage: MediaStorage, id: string): Promise<Buffer> {
  const picture = await storage.readPicture(id);
  if (picture) return picture;
  throw new ServiceError(
    409,
    'picture_gone',
    'The uploaded picture of this task is there no more; upload it again with a new task',
  );
}
