import { useMedia } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { Still } from '../detail/still.js';
import { useNow, useReducedMotion } from '../shell/hooks.js';
import { hrefOf } from '../shell/route.js';
import {
  ago,
  duration,
  elapsedSeconds,
  isRunning,
  shortStatus,
  summaryOf,
  titleOf,
  toneOf,
} from '../tasks/describe.js';
import { secondsLeft } from '../tasks/time-left.js';

interface Props {
  readonly task: Task;
  /** Distance from the top of the list in pixels. */
  readonly top: number;
  /** Place in the list, from 1, of `total`. */
  readonly position: number;
  readonly total: number;
  readonly selected: boolean;
  readonly inTabOrder: boolean;
}

export function TaskRow({ task, top, position, total, selected, inTabOrder }: Props) {
  const running = isRunning(task);
  return (
    <li
      class="row"
      style={{ transform: `translateY(${top}px)` }}
      aria-posinset={position}
      aria-setsize={total}
    >
      <a
        href={hrefOf({ view: 'task', id: task.id })}
        aria-current={selected ? 'true' : undefined}
        tabIndex={inTabOrder ? 0 : -1}
      >
        <Thumbnail task={task} />
        <span class="what">
          <span class="title">{titleOf(task)}</span>
          <span class="summary">{summaryOf(task)}</span>
          {running ? (
            <span class="meter" aria-hidden="true">
              <span style={{ transform: `scaleX(${task.progress})` }} />
            </span>
          ) : (
            <span class="summary">{task.error?.message ?? <When task={task} />}</span>
          )}
        </span>
        <span class="state">
          <span class="pill" data-tone={toneOf(task)}>
            {shortStatus(task)}
          </span>
          {running ? <TimeLeft task={task} /> : task.error && <When task={task} />}
        </span>
      </a>
    </li>
  );
}

function Thumbnail({ task }: { task: Task }) {
  const reduced = useReducedMotion();
  const small = task.thumbnail_url && `${task.thumbnail_url}?size=small`;
  const address = useMedia(task.preview_url ?? small);
  return (
    <span class="thumbnail" data-tone={toneOf(task)}>
      {address !== undefined &&
        (task.preview_url && reduced ? <Still src={address} /> : <img src={address} alt="" />)}
    </span>
  );
}

function TimeLeft({ task }: { task: Task }) {
  const now = useNow();
  const elapsed = elapsedSeconds(task, now);
  const left = secondsLeft(task, now);
  return (
    <time>
      {left !== undefined ? `${duration(left)} left` : elapsed === undefined ? '' : duration(elapsed)}
    </time>
  );
}

function When({ task }: { task: Task }) {
  const now = useNow(30_000);
  const took = task.status === 'completed' ? elapsedSeconds(task, now) : undefined;
  return (
    <time dateTime={task.created_at}>
      {ago(task.created_at, now)}
      {took === undefined ? '' : ` · took ${duration(took)}`}
    </time>
  );
}
