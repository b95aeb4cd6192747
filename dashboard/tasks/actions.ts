import { ApiError, request, requestJson, withJson } from '../api/client.js';
import type { Task } from '../api/wire.js';
import { go } from '../shell/route.js';
import { showToast } from '../shell/toasts.js';
import { shorten, titleOf } from './describe.js';
import { store } from './store.js';

/** How long a removal can be undone. */
const UNDO_MS = 6000;

/** Tells of what went wrong, in the words of the service. */
export function reportError(error: unknown): void {
  showToast({ text: error instanceof Error ? error.message : String(error), tone: 'error' });
}

export async function cancelTask({ id }: Task): Promise<void> {
  try {
    store.put(await requestJson<Task>(`tasks/${id}/cancel`, { method: 'POST' }));
  } catch (error) {
    reportError(error);
  }
}

/** Makes the clip again, with the same seed or another one, and shows the new task. */
export async function rerunTask({ id }: Task, changes: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    const task = await requestJson<Task>(`tasks/${id}/rerun`, withJson('POST', changes));
    store.put(task);
    go({ view: 'task', id: task.id });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'picture_gone')) return reportError(error);
    showToast({
      text: 'The picture was deleted once its clip was made. “Use these settings” and choose it again.',
      tone: 'error',
    });
  }
}

const pending = new Map<string, ReturnType<typeof setTimeout>>();

/** Takes a task away; it is deleted for good when the time to undo that is over, or the page is left. */
export function deleteTask(task: Task): void {
  const { id } = task;
  store.hide(id, true);
  go({ view: 'list' });
  pending.set(
    id,
    setTimeout(() => void removeForGood(id), UNDO_MS),
  );
  showToast({
    text: `Deleted “${shorten(titleOf(task))}”`,
    ms: UNDO_MS,
    action: {
      label: 'Undo',
      run: () => {
        clearTimeout(pending.get(id));
        pending.delete(id);
        store.hide(id, false);
        go({ view: 'task', id });
      },
    },
  });
}

async function removeForGood(id: string): Promise<void> {
  pending.delete(id);
  try {
    await request(`tasks/${id}`, { method: 'DELETE', keepalive: true });
    store.remove(id);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return store.remove(id);
    store.hide(id, false);
    reportError(error);
  }
}

/** What was deleted is gone also when the page is left before the time to undo it is over. */
export function finishDeletions(): void {
  for (const [id, timer] of pending) {
    clearTimeout(timer);
    void removeForGood(id);
  }
}
