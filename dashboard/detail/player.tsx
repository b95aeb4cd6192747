import { useState } from 'preact/hooks';
import { useMedia } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { titleOf } from '../tasks/describe.js';
import { Compare, Differences, type Choice } from './compare.js';
import { Controls } from './controls.js';
import { usePlayback } from './playback.js';

/** Of videos that do not say. */
const USUAL_FPS = 24;

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
  return (
    <div class="player">
      <div class="screens" data-count={clips.length}>
        {clips.map(({ path, title }, place) => (
          <Screen
            key={`${place} ${path}`}
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
          <Variations
            task={task}
            chosen={together ? 'all' : chosen}
            onChoose={(choice) => {
              setTogether(choice === 'all');
              if (choice !== 'all') onChoose(choice);
            }}
          />
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

interface VariationsProps {
  readonly task: Task;
  /** Which one plays, or all of them at once. */
  readonly chosen: number | 'all';
  readonly onChoose: (choice: number | 'all') => void;
}

function Variations({ task: { videos, grid_url: grid }, chosen, onChoose }: VariationsProps) {
  return (
    <div role="group" aria-label="Variations">
      {videos.map(({ seed }, index) => (
        <button key={seed} type="button" aria-pressed={chosen === index} onClick={() => onChoose(index)}>
          {index + 1} <small>seed {seed}</small>
        </button>
      ))}
      {grid !== null && (
        <button type="button" aria-pressed={chosen === 'all'} onClick={() => onChoose('all')}>
          All
        </button>
      )}
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
