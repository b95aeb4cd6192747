import { useState } from 'preact/hooks';
import { addressOf, apiKey } from '../api/client.js';
import { saveFile } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { showToast } from '../shell/toasts.js';
import { cancelTask, deleteTask, reportError, rerunTask } from '../tasks/actions.js';
import { curlOf } from '../tasks/curl.js';
import { isRunning } from '../tasks/describe.js';

interface Props {
  readonly task: Task;
  /** The variation that downloads are of. */
  readonly variation: number;
  readonly onUse: (task: Task) => void;
}

/** What can be done with a task. */
export function Actions({ task, variation, onUse }: Props) {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(curlOf(task, addressOf('tasks'), apiKey() !== ''));
      showToast({ text: 'Copied the command' });
    } catch {
      showToast({ text: 'The browser did not let the page copy', tone: 'error' });
    }
  };
  return (
    <div class="actions" role="group" aria-label="Actions">
      {isRunning(task) ? (
        <button type="button" class="danger" onClick={() => void cancelTask(task)}>
          Cancel
        </button>
      ) : (
        <>
          <button type="button" onClick={() => void rerunTask(task, {})}>
            Run again
          </button>
          <button type="button" onClick={() => void rerunTask(task, { seed: 'new' })}>
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
      {task.status === 'completed' && task.videos.length > 0 && (
        <Downloads task={task} variation={variation} />
      )}
    </div>
  );
}

const FORMS = [
  ['mp4', 'video', 'mp4'],
  ['gif', 'gif', 'gif'],
  ['webp', 'webp', 'webp'],
  ['frames', 'frames', 'tar'],
] as const;

function Downloads({ task: { id }, variation }: { task: Task; variation: number }) {
  const [busy, setBusy] = useState<string>();
  const save = async (kind: string, ending: string): Promise<void> => {
    setBusy(kind);
    try {
      const suffix = variation === 0 ? '' : `-${variation}`;
      await saveFile(`download/${kind}/${id}?index=${variation}`, `${id}${suffix}.${ending}`);
    } catch (error) {
      reportError(error);
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <span class="downloads" role="group" aria-label="Download">
      <span aria-hidden="true">Download</span>
      {FORMS.map(([label, kind, ending]) => (
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
