import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Task } from '../api/wire.js';
import { useFocusKept } from '../shell/hooks.js';
import { useKeys } from '../shell/keys.js';
import { go } from '../shell/route.js';
import { useOlder } from '../tasks/feed.js';
import { applyFilter } from '../tasks/filter.js';
import { useTasks, type Connection } from '../tasks/store.js';
import { useFilter } from './filter-address.js';
import { ListFilter } from './list-filter.js';
import { TaskRow } from './task-row.js';

/** Height of a row in pixels; `.row` of the style sheet has the same. */
const ROW = 76;
/** Rows drawn beyond either end of what is seen. */
const SPARE = 6;

/** All tasks, newest first. Only the rows in sight exist, so that thousands cost no more than a few. */
export function TaskList({ selected }: { selected: string | undefined }) {
  const store = useTasks();
  const [filter, setFilter] = useFilter();
  const { tasks, complete, total } = store;
  const shown = useMemo(() => applyFilter(tasks, filter), [tasks, filter]);
  const filtered = shown !== tasks;
  const box = useRef<HTMLDivElement>(null);
  const { first, end } = useWindow(box, shown.length);

  // A search looks through all tasks, and the end of the list leads on to older ones.
  useOlder(!complete && (filtered || end >= shown.length - SPARE));

  // The open task stays in sight when more is shown than before.
  useLayoutEffect(() => {
    const at = shown.findIndex(({ id }) => id === selected);
    if (at >= 0) reveal(box.current, at);
  }, [filter]);

  useArrowKeys(box, shown, selected);
  useFocusKept('.rows', selected);

  const inTabOrder = shown.slice(first, end).some(({ id }) => id === selected) ? selected : shown[first]?.id;
  return (
    <section class="list" aria-label="Tasks">
      <ListFilter
        filter={filter}
        onChange={setFilter}
        count={filtered ? shown.length : total}
        complete={complete}
      />
      <div class="rows" ref={box} tabIndex={-1}>
        {shown.length === 0 && <Nothing filtered={filtered} connection={store.connection} />}
        <ul style={{ height: `${shown.length * ROW}px` }}>
          {shown.slice(first, end).map((task, i) => (
            <TaskRow
              key={task.id}
              task={task}
              top={(first + i) * ROW}
              position={first + i + 1}
              total={filtered ? shown.length : total}
              selected={task.id === selected}
              inTabOrder={task.id === inTabOrder}
            />
          ))}
        </ul>
      </div>
    </section>
  );
}

/** Why there may be no list. */
const ABSENCES: Partial<Record<Connection, string>> = {
  connecting: 'Loading…',
  offline: 'The service cannot be reached.',
  locked: 'The service needs an access key.',
};

function Nothing({ filtered, connection }: { filtered: boolean; connection: Connection }) {
  const none = filtered ? 'No task matches.' : 'No tasks yet. The first clip is a prompt away.';
  return <p class="nothing">{ABSENCES[connection] ?? none}</p>;
}

/** Which rows are in sight of a scrolling box. */
function useWindow(
  box: { readonly current: HTMLDivElement | null },
  count: number,
): { first: number; end: number } {
  const [{ top, height }, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const read = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, []);
  const first = Math.max(0, Math.min(count, Math.floor(top / ROW)) - SPARE);
  return { first, end: Math.min(count, Math.ceil((top + height) / ROW) + SPARE) };
}

/** In these parts of the page the arrow keys scroll. */
const SCROLLED = '.composer, .side';

/**
 * Arrow keys open the next task and take the focus along. The row of that task may have to be drawn first, and the one in
 * focus may go meanwhile, so the list itself holds the focus until then.
 */
function useArrowKeys(
  box: { readonly current: HTMLDivElement | null },
  shown: readonly Task[],
  selected: string | undefined,
): void {
  const cursor = useRef(selected);
  useLayoutEffect(() => {
    cursor.current = selected;
  }, [selected]);
  useLayoutEffect(() => {
    if (!box.current?.contains(document.activeElement)) return;
    box.current.querySelector<HTMLElement>('[aria-current="true"]')?.focus({ preventScroll: true });
  });
  const move = (by: number): void => {
    if (shown.length === 0) return;
    const at = shown.findIndex(({ id }) => id === cursor.current);
    const next = Math.min(shown.length - 1, Math.max(0, at + by));
    if (next === at) return;
    cursor.current = shown[next].id; // the next key may come before this one is drawn
    box.current?.focus({ preventScroll: true });
    reveal(box.current, next);
    go({ view: 'task', id: shown[next].id });
  };
  useKeys({ ArrowUp: () => move(-1), ArrowDown: () => move(1) }, SCROLLED);
}

/** Scrolls just as far as it takes. */
function reveal(box: HTMLDivElement | null, index: number): void {
  if (!box) return;
  const top = index * ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
}
