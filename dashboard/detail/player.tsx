import { useState } from 'preact/hooks';
import { useMedia } from '../api/media.js';
import type { Task } from '../api/wire.js';
import { titleOf } from '../tasks/describe.js';
import { Compare, Differences, type Choice } from './compare.js';
import { Controls } from './controls.js';
import { usePlayback } from './playback.js';

/** Of videos that do not say. */
const USUAL_FPS = 24;

/** What plays: one variation, or all of them at once. */
export type Shown = number | 'all';

interface Props {
  readonly task: Task;
  readonly shown: Shown;
  readonly onShow: (shown: Shown) => void;
}

/** Plays the clips of a finished task: one variation, that and another clip side by side, or all at once. */
export function Player({ task, shown, onShow }: Props) {
  const { videos, grid_url: grid, params } = task;
  const [beside, setBeside] = useState<Choice>();
  const frames = videos[0].frames;
  const playback = usePlayback(frames, params.fps ?? USUAL_FPS);
  const clips: readonly Clip[] =
    shown === 'all'
      ? [{ path: grid, title: titleOf(task) }]
      : [{ task, index: shown }, ...(beside ? [beside] : [])].flatMap(clipOf);
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
        {videos.length > 1 && <Variations task={task} shown={shown} onShow={onShow} />}
        <Compare
          task={task}
          chosen={beside}
          onChoose={(choice) => {
            if (shown === 'all') onShow(0);
            setBeside(choice);
          }}
        />
      </div>
      {beside && shown !== 'all' && <Differences left={{ task, index: shown }} right={beside} />}
    </div>
  );
}

function Variations({ task: { videos, grid_url: grid }, shown, onShow }: Props) {
  return (
    <div role="group" aria-label="Variations">
      {videos.map(({ seed }, index) => (
        <button key={seed} type="button" aria-pressed={shown === index} onClick={() => onShow(index)}>
          {index + 1} <small>seed {seed}</small>
        </button>
      ))}
      {grid !== null && (
        <button type="button" aria-pressed={shown === 'all'} onClick={() => onShow('all')}>
          All
        </button>
      )}
    </div>
  );
}

interface Clip {
  readonly path: string | null;
  readonly title: string;
}

const clipOf = ({ task, index }: Choice): readonly Clip[] => {
  const path = task.videos[index]?.url;
  return path === undefined ? [] : [{ path, title: titleOf(task) }];
};

interface ScreenProps {
  readonly path: string | null;
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
