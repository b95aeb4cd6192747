import type { Admission } from '../admission/admission.js';
import { ServiceError } from '../errors.js';
import type { MediaStorage } from '../media/storage.js';
import type { KeyClaim } from '../tasks/idempotency.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import type { NewTask, Task, TaskApi } from '../tasks/task.js';
import { noteTask } from '../telemetry/request-notes.js';
import type { TaskView } from '../tasks/view.js';

/** A task that was asked for and found good, with its picture where that is there already (PNG). */
export interface Proposal {
  readonly task: NewTask;
  readonly picture?: Uint8Array;
}

/** The task that a request led to; `replayed` when an earlier request for the same made it. */
export interface Submission {
  readonly task: TaskView;
  readonly replayed: boolean;
}

/** What makes a repeated request find the task of the first. */
export interface Once {
  readonly claim?: KeyClaim | undefined;
  /** The id that the client gave the task. */
  readonly external?: { readonly api: TaskApi; readonly owner: string; readonly id: string };
}

export interface AcceptParts {
  readonly table: TaskTable;
  readonly runner: TaskRunner;
  readonly storage: MediaStorage;
  readonly admission: Admission;
}

/**
 * Accepts what is proposed: the picture is stored, the task is durable and queued. It is done once for each key or external
 * id, and a repeated request gets the task of the first without anything being proposed.
 * @throws ServiceError 429 where there is no room for it, or what is wrong with the proposal
 */
export async function accept(
  parts: AcceptParts,
  proposal: () => Promise<Proposal>,
  once: Once = {},
): Promise<Submission> {
  const { runner, storage, admission } = parts;
  const earlier = await findEarlier(parts, once);
  if (earlier) {
    noteTask(earlier.id);
    return { task: runner.view(earlier), replayed: true };
  }
  admission.checkRoom();
  const { task, picture } = await proposal();
  noteTask(task.id);
  const accepted = await admission.admit(task, async () => {
    let created: TaskView | undefined;
    try {
      if (picture) await storage.write(storage.picture(task.id), picture);
      created = await runner.submitOnce(task, once.claim);
    } finally {
      if (!created) await storage.remove(task.id); // not acknowledged: nothing of it stays
    }
    return created;
  });
  // A request with the same key or id came in between: the second look finds its task.
  return accepted ? { task: accepted, replayed: false } : accept(parts, proposal, once);
}

async function findEarlier({ table }: AcceptParts, { claim, external }: Once): Promise<Task | undefined> {
  if (external) return table.findExternal(external.api, external.owner, external.id);
  return claim && findClaimed(table, claim);
}

async function findClaimed(
  table: TaskTable,
  { owner, key, fingerprint }: KeyClaim,
): Promise<Task | undefined> {
  const claimed = await table.findKey(owner, key);
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
  return task;
}
