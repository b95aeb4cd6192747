import { useEffect, useState } from 'preact/hooks';
import { apiKey, isKeyChange, requestJson, setApiKey } from '../api/client.js';
import type { Parameters, Task } from '../api/wire.js';
import { TaskDetail } from '../detail/task-detail.js';
import { Composer } from '../form/composer.js';
import { TaskList } from '../list/task-list.js';
import { finishDeletions } from '../tasks/actions.js';
import { feed } from '../tasks/feed.js';
import { useTasks } from '../tasks/store.js';
import { useFocusKept } from './hooks.js';
import { KeyDialog } from './key-dialog.js';
import { go, useRoute } from './route.js';
import { Toasts } from './toasts.js';
import { TopBar } from './top-bar.js';

export function App() {
  const route = useRoute();
  const { connection, refusals } = useTasks();
  const parameters = useParameters(connection);
  const [template, setTemplate] = useState<Task>();
  const [askingKey, setAskingKey] = useState(false);
  const locked = connection === 'locked';
  useEffect(() => {
    void feed.run();
    addEventListener('online', () => feed.retry());
    addEventListener('pagehide', finishDeletions);
    addEventListener('storage', (event) => {
      if (isKeyChange(event)) location.reload();
    });
  }, []);
  useEffect(() => {
    if (refusals > 0) setAskingKey(true);
  }, [refusals]);

  const use = (task: Task): void => {
    setTemplate({ ...task }); // a new object: the same task may be used twice
    go({ view: 'new' });
  };
  const selected = route.view === 'task' ? route.id : undefined;
  useFocusKept('.detail h2', selected);
  return (
    <div class="app" data-view={route.view}>
      <button
        type="button"
        class="skip"
        onClick={() => document.querySelector<HTMLElement>('.rows')?.focus()}
      >
        Skip to the tasks
      </button>
      <TopBar parameters={parameters} route={route} onKey={() => setAskingKey(true)} />
      <main>
        {parameters ? (
          <Composer parameters={parameters} template={template} />
        ) : (
          <div class="composer" aria-busy="true" />
        )}
        <TaskList selected={selected} />
        <div class="side">
          {selected === undefined ? <Welcome /> : <TaskDetail key={selected} id={selected} onUse={use} />}
        </div>
      </main>
      <Toasts />
      <KeyDialog open={askingKey} refused={locked} onClose={() => setAskingKey(false)} onKey={changeKey} />
    </div>
  );
}

/** With another key the page begins anew: nothing stays of what the one before could see. */
function changeKey(key: string): void {
  if (key === apiKey()) return feed.retry();
  finishDeletions();
  setApiKey(key);
  location.reload();
}

function Welcome() {
  return (
    <div class="welcome">
      <p>Choose a task to watch it, play its clip, and make it again.</p>
      <dl>
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>search</dd>
        <dt>
          <kbd>↑</kbd> <kbd>↓</kbd>
        </dt>
        <dd>through the list</dd>
        <dt>
          <kbd>←</kbd> <kbd>→</kbd> <kbd>space</kbd>
        </dt>
        <dd>frame by frame, play</dd>
        <dt>
          <kbd>Ctrl</kbd> <kbd>↵</kbd>
        </dt>
        <dd>make the clip</dd>
      </dl>
    </div>
  );
}

/** What the form is made of; asked again when the service was away, since it may have another model now. */
function useParameters(connection: string): Parameters | undefined {
  const [parameters, setParameters] = useState<Parameters>();
  useEffect(() => {
    if (connection === 'offline' || connection === 'locked') return;
    requestJson<Parameters>('parameters').then(setParameters, () => undefined);
  }, [connection]);
  return parameters;
}
