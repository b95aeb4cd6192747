import { useState } from 'preact/hooks';
import { useMedia } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { titleOf } from '../tasks/describe.js';
import { Compare, Differences, type Choice } from './compare.js';
import { usePlayback, type Playback } from './playback.js';

/** Of videos that do not say. */
const USUAL_FPS = 24;
const SPEEDS = [0.25, 0.5, 1, 2];

/** Plays the clips of a finished task: one variation, that and another clip side by side, or all at once. */
export function Player({
  task,
  chosen,
  onChoose,
}: {
  task: Task;
  chosen: number;
  onChoose: (index: number) => void;
}) {
  const { videos, grid_url: grid, params } = task;
  const [beside, setBeside] = useState<Choice>();
  const [together, setTogether] = useState(false);
  const frames = videos[0].frames;
  const playback = usePlayback(frames, params.fps ?? USUAL_FPS);
  const clips: readonly Clip[] =
    together && grid !== null
      ? [{ path: grid, title: titleOf(task) }]
      : [{ task, index: chosen }, ...(beside ? [beside] : [])].flatMap(clipOf);
  const choose = (index: number): void => {
    setTogether(false);
    onChoose(index);
  };
  return (
    <div class="player">
      <div class="screens" data-count={clips.length}>
        {clips.map(({ path, title }, place) => (
          <Screen
            key={place}
            path={path}
            title={title}
            attach={playback.attach(place)}
            onClick={playback.toggle}
          />
        ))}
      </div>
      <Controls playback={playback} frames={frames} />
      <div class="variations">
        {videos.length > 1 && (
          <div role="group" aria-label="Variations">
            {videos.map(({ seed }, index) => (
              <button
                key={seed}
                type="button"
                aria-pressed={!together && chosen === index}
                onClick={() => choose(index)}
              >
                {index + 1} <small>seed {seed}</small>
              </button>
            ))}
            {grid !== null && (
              <button type="button" aria-pressed={together} onClick={() => setTogether(!together)}>
                All
              </button>
            )}
          </div>
        )}
        <Compare
          task={task}
          chosen={beside}
          onChoose={(choice) => {
            setTogether(false);
            setBeside(choice);
          }}
        />
      </div>
      {beside && !together && <Differences left={{ task, index: chosen }} right={beside} />}
    </div>
  );
}

interface Clip {
  readonly path: string;
  readonly title: string;
}

const clipOf = ({ task, index }: Choice): readonly Clip[] => {
  const path = task.videos[index]?.url;
  return path === undefined ? [] : [{ path, title: titleOf(task) }];
};

interface ScreenProps {
  readonly path: string;
  readonly title: string;
  readonly attach: (video: HTMLVideoElement | null) => void;
  readonly onClick: () => void;
}

function Screen({ path, title, attach, onClick }: ScreenProps) {
  const address = useMedia(path);
  return address === undefined ? (
    <div class="screen" />
  ) : (
    <video class="screen" ref={attach} src={address} aria-label={title} muted playsInline onClick={onClick} />
  );
}

function Controls({ playback, frames }: { playback: Playback; frames: number }) {
  const { playing, looping, frame, speed, toggle, seek, setLooping, setSpeed } = playback;
  const onKey = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLSelectElement) return;
    const act: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => seek(frame - 1),
      ArrowRight: () => seek(frame + 1),
      ' ': toggle,
    };
    if (!Object.hasOwn(act, event.key)) return;
    event.preventDefault();
    act[event.key]();
  };
  return (
    <div class="controls" role="group" aria-label="Playback" onKeyDown={onKey}>
      <button type="button" class="icon play" aria-label={playing ? 'Pause' : 'Play'} onClick={toggle}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d={playing ? 'M4 3h3v10H4zM9 3h3v10H9z' : 'M4.5 2.5v11l9-5.5z'} />
        </svg>
      </button>
      <button type="button" class="icon" aria-label="One frame back" onClick={() => seek(frame - 1)}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M3 3h2v10H3zM13 3v10L6 8z" />
        </svg>
      </button>
      <button type="button" class="icon" aria-label="One frame on" onClick={() => seek(frame + 1)}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M11 3h2v10h-2zM3 3v10l7-5z" />
        </svg>
      </button>
      <input
        type="range"
        aria-label="Frame"
        min={0}
        max={frames - 1}
        value={frame}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
      <output class="counter">
        {frame + 1}/{frames}
      </output>
      <select
        aria-label="Speed"
        value={speed}
        onChange={(event) => setSpeed(Number(event.currentTarget.value))}
      >
        {SPEEDS.map((factor) => (
          <option key={factor} value={factor}>
            {factor}×
          </option>
        ))}
      </select>
      <button
        type="button"
        class="icon"
        aria-label="Loop"
        aria-pressed={looping}
        onClick={() => setLooping(!looping)}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M5 4h6a3 3 0 0 1 3 3v1h-2V7a1 1 0 0 0-1-1H5v2L1.5 5 5 2zm6 8H5a3 3 0 0 1-3-3V8h2v1a1 1 0 0 0 1 1h6V8l3.5 3L11 14z" />
        </svg>
      </button>
    </div>
  );
}
