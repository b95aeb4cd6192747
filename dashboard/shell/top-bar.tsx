import { useEffect, useState } from 'preact/hooks';
import { requestJson } from '../api/client.js';
import type { Health, Parameters } from '../api/wire.js';
import { useTasks, type Connection } from '../tasks/store.js';
import { hrefOf, type Route } from './route.js';
import { THEMES, useTheme } from './theme.js';

interface Props {
  readonly parameters: Parameters | undefined;
  readonly route: Route;
  readonly onKey: () => void;
}

const CONNECTIONS: Readonly<Record<Connection, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  polling: 'Polling',
  offline: 'No connection',
  locked: 'Locked',
};

const THEME_ICONS = { auto: '◐', light: '☀', dark: '☾' } as const;

export function TopBar({ parameters, route, onKey }: Props) {
  const store = useTasks();
  const [theme, setTheme] = useTheme();
  const health = useHealth(store.connection);
  const { running, waiting } = store;
  useEffect(() => {
    document.title = running === 0 ? 'img2vid' : `(${running}) img2vid`;
  }, [running]);
  const fault = health?.workers.map(({ warning, error }) => error?.message ?? warning).find(Boolean);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return (
    <header class="top">
      <h1>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M12 9.5v13l11-6.5z" />
        </svg>
        img2vid
      </h1>
      {parameters && (
        <span class="model" title={parameters.model.description}>
          {parameters.model.name}
          {health && <small> {deviceText(health, fault)}</small>}
        </span>
      )}
      {fault !== undefined && (
        <span class="fault" title={fault}>
          {fault}
        </span>
      )}
      <span class="gap" />
      {running > 0 && (
        <span class="running">
          {[running > waiting && `${running - waiting} running`, waiting > 0 && `${waiting} waiting`]
            .filter(Boolean)
            .join(', ')}
        </span>
      )}
      <span class="connection" data-state={store.connection} role="status">
        {CONNECTIONS[store.connection]}
      </span>
      <button type="button" class="icon" aria-label="Access key" title="Access key" onClick={onKey}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M10.5 1a4.5 4.5 0 0 0-4.3 5.8L1 12v3h3v-2h2v-2h2l1.2-1.2A4.5 4.5 0 1 0 10.5 1m1 4.7a1.2 1.2 0 1 1 0-2.4 1.2 1.2 0 0 1 0 2.4" />
        </svg>
      </button>
      <button
        type="button"
        class="icon"
        aria-label={`Theme: ${theme}. Change to ${next}`}
        title={`Theme: ${theme}`}
        onClick={() => setTheme(next)}
      >
        {THEME_ICONS[theme]}
      </button>
      <nav aria-label="Views">
        <a href={hrefOf({ view: 'list' })} aria-current={route.view === 'list' ? 'page' : undefined}>
          Tasks
        </a>
        <a href={hrefOf({ view: 'new' })} aria-current={route.view === 'new' ? 'page' : undefined}>
          New clip
        </a>
      </nav>
    </header>
  );
}

/** A model that cannot be loaded has a fault to show instead. */
const deviceText = ({ model_loaded: loaded, device }: Health, fault: string | undefined): string =>
  loaded ? `on ${device}` : fault === undefined ? 'loading…' : '';

/** What the service says of its workers; asked again with every change of the connection, and until one has loaded its model. */
function useHealth(connection: Connection): Health | undefined {
  const [health, setHealth] = useState<Health>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (connection === 'offline' || connection === 'locked') return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    requestJson<Health>('health').then(
      (answer) => {
        setHealth(answer);
        if (!answer.model_loaded) timer = setTimeout(() => setRound(round + 1), 2000);
      },
      () => setHealth(undefined),
    );
    return () => clearTimeout(timer);
  }, [connection, round]);
  return health;
}
