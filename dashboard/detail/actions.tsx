import { useState } from 'preact/hooks';
import { addressOf, apiKey } from '../api/client.js';
import { saveFile } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { showToast } from '../shell/toasts.js';
import { cancelTask, deleteTask, reportError, rerunTask } from '../tasks/actions.js';
import { curlOf } from '../tasks/curl.js';
import { isRunning } from '../tasks/describe.js';
import type { Shown } from './player.js';

interface Props {
  readonly task: Task;
  /** What downloads are of. */
  readonly shown: Shown;
  readonly onUse: (task: Task) => void;
}

/** What can be done with a task. */
export function Actions({ task, shown, onUse }: Props) {
  const [busy, setBusy] = useState(false);
  const again = async (changes: Readonly<Record<string, unknown>>): Promise<void> => {
    setBusy(true);
    await rerunTask(task, changes);
    setBusy(false);
  };
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(curlOf(task, addressOf('tasks'), apiKey() !== ''));
      showToast({ text: 'Copied the command' });
    } catch {
      showToast({ text: 'The browser did not let the page copy', tone: 'error' });
    }
  };
  return (
    <div class="actions" role="group" aria-label="Actions" onClickCapture={takeOnce}>
      {isRunning(task) ? (
        <button type="button" class="danger" onClick={() => void cancelTask(task)}>
          Cancel
        </button>
      ) : (
        <>
          <button type="button" disabled={busy} onClick={() => void again({})}>
            Run again
          </button>
          <button type="button" disabled={busy} onClick={() => void again({ seed: 'new' })}>
            New seed
          </button>
        </>
      )}
      {task.kind === 'clip' && (
        <>
          <button type="button" onClick={() => onUse(task)}>
            Use these settings
          </button>
          <button type="button" onClick={() => void copy()}>
            Copy as curl
          </button>
        </>
      )}
      <button type="button" class="danger quiet" onClick={() => deleteTask(task)}>
        Delete
      </button>
      {task.status === 'completed' && task.videos.length > 0 && <Downloads task={task} shown={shown} />}
    </div>
  );
}

/** When the second click of a double click comes, there may be another button, of another task. */
function takeOnce(event: MouseEvent): void {
  if (event.detail > 1) event.stopPropagation();
}

const FORMS = [
  ['mp4', 'video', 'mp4'],
  ['gif', 'gif', 'gif'],
  ['webp', 'webp', 'webp'],
  ['frames', 'frames', 'tar'],
] as const;
/** The variations side by side. */
const GRID_FORMS = [['mp4', 'grid', 'mp4']] as const;

function Downloads({ task: { id }, shown }: { task: Task; shown: Shown }) {
  const [busy, setBusy] = useState<string>();
  const save = async (kind: string, ending: string): Promise<void> => {
    setBusy(kind);
    try {
      const suffix = shown === 0 ? '' : `-${shown}`;
      const index = shown === 'all' ? '' : `?index=${shown}`;
      await saveFile(`download/${kind}/${id}${index}`, `${id}${suffix}.${ending}`);
    } catch (error) {
      reportError(error);
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <span class="downloads" role="group" aria-label="Download">
      <span aria-hidden="true">Download</span>
      {(shown === 'all' ? GRID_FORMS : FORMS).map(([label, kind, ending]) => (
        <button
          key={label}
          type="button"
          disabled={busy !== undefined}
          aria-label={`Download ${label}`}
          onClick={() => void save(kind, ending)}
        >
          {busy === kind ? '…' : label}
        </button>
      ))}
    </span>
  );
}
