import { useEffect, useState } from 'preact/hooks';
import { ApiError, requestJson } from '../api/client.js';
import { useMedia } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { labelOf } from '../form/names.js';
import { useFocusKept } from '../shell/hooks.js';
import { hrefOf } from '../shell/route.js';
import { isCancelled, isRunning, scalars, size, statusText, titleOf, toneOf } from '../tasks/describe.js';
import { useTasks } from '../tasks/store.js';
import { Actions } from './actions.js';
import { Player, type Shown } from './player.js';
import { Progress } from './progress.js';

/** The open task; one that the list has not come to yet is fetched. */
export function TaskDetail({ id, onUse }: { id: string; onUse: (task: Task) => void }) {
  const store = useTasks();
  const task = store.get(id);
  const [missing, setMissing] = useState(false);
  const known = task !== undefined;
  useEffect(() => {
    if (known || store.connection === 'connecting') return;
    requestJson<Task>(`tasks/${id}`).then(
      (found) => store.put(found),
      (error: unknown) => setMissing(error instanceof ApiError && error.status === 404),
    );
  }, [id, known, store.connection]);
  if (!task) return <p class="nothing">{missing ? 'This task does not exist any more.' : 'Loading…'}</p>;
  return <Detail task={task} onUse={onUse} />;
}

function Detail({ task, onUse }: { task: Task; onUse: (task: Task) => void }) {
  const [shown, setShown] = useState<Shown>(0);
  const { error, warnings, source } = task;
  useFocusKept('.detail h2', isRunning(task));
  return (
    <article class="detail" aria-label="Task">
      <header>
        <a class="back" href={hrefOf({ view: 'list' })} aria-label="Back to the list">
          ‹
        </a>
        <h2 tabIndex={-1}>{titleOf(task)}</h2>
        <span class="pill" data-tone={toneOf(task)} role="status">
          {statusText(task)}
        </span>
      </header>
      {isRunning(task) && <Progress task={task} />}
      {task.status === 'completed' && task.videos.length > 0 && (
        <Player task={task} shown={shown} onShow={setShown} />
      )}
      {task.picture_url && <Picture path={task.picture_url} title={titleOf(task)} />}
      {error && isCancelled(task) && <p class="notice">{error.message}</p>}
      {error && !isCancelled(task) && (
        <p class="notice" data-tone="error" role="alert">
          <strong>{error.code.replaceAll('_', ' ')}</strong> {error.message}
        </p>
      )}
      {warnings.map((warning) => (
        <p key={warning} class="notice" data-tone="warning">
          {warning}
        </p>
      ))}
      <Actions task={task} shown={shown} onUse={onUse} />
      <dl class="params">
        <Fact name="Model" value={task.model} />
        {typeof source.image_url === 'string' && <Fact name="Picture" value={source.image_url} wide />}
        <Fact name="Task" value={task.id} wide />
        {shown !== 'all' && task.videos[shown] && <Fact name="File" value={size(task.videos[shown].bytes)} />}
        {scalars(task.params).map(([name, value]) => (
          <Fact key={name} name={labelOf(name)} value={String(value)} />
        ))}
      </dl>
    </article>
  );
}

/** What a task for a picture alone comes to. */
function Picture({ path, title }: { path: string; title: string }) {
  const address = useMedia(path);
  return address === undefined ? null : <img class="screen" src={address} alt={title} />;
}

function Fact({ name, value, wide }: { name: string; value: string; wide?: boolean }) {
  return (
    <div class={wide ? 'wide' : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
