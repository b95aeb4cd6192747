import { useMedia } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { useNow, useReducedMotion } from '../shell/hooks.js';
import { duration, elapsedSeconds, statusText } from '../tasks/describe.js';
import { secondsLeft } from '../tasks/time-left.js';
import { Still } from './still.js';

const STAGES = [
  ['image', 'Picture'],
  ['waiting', 'Wait'],
  ['encode', 'Encode'],
  ['sample', 'Sample'],
  ['decode', 'Decode'],
  ['write', 'Write'],
] as const;

/** A task on its way: what it looks like so far, its stage, step, and the time it still takes. */
export function Progress({ task }: { task: Task }) {
  const { stage, progress, source } = task;
  const now = useNow();
  const elapsed = elapsedSeconds(task, now);
  const left = secondsLeft(task, now);
  const stages = source.type === 'upload' ? STAGES.slice(2) : STAGES;
  const at = stages.findIndex(([name]) => name === stage);
  const percent = Math.round(progress * 100);
  return (
    <div class="progress">
      <LivePreview task={task} />
      <div
        class="meter large"
        role="progressbar"
        aria-label="Progress"
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={`${percent} %, ${statusText(task)}`}
      >
        <span style={{ transform: `scaleX(${progress})` }} />
      </div>
      <div class="facts">
        <strong>{statusText(task)}</strong>
        <span>{percent} %</span>
        {elapsed !== undefined && <span>{duration(elapsed)} so far</span>}
        {left !== undefined && <span>{duration(left)} left</span>}
      </div>
      <ol class="stages" aria-label="Stages">
        {stages.map(([name, label], i) => (
          <li key={name} data-done={i < at} aria-current={i === at ? 'step' : undefined}>
            {label}
          </li>
        ))}
      </ol>
    </div>
  );
}

function LivePreview({ task }: { task: Task }) {
  const { preview_url: path, params } = task;
  const reduced = useReducedMotion();
  const address = useMedia(path);
  const style = { aspectRatio: `${params.W} / ${params.H}` };
  return (
    <div class="preview" style={style} data-empty={address === undefined}>
      {address === undefined ? (
        <span>The preview appears with the first step</span>
      ) : reduced ? (
        <Still src={address} />
      ) : (
        <img src={address} alt="Preview of the clip so far" />
      )}
    </div>
  );
}
