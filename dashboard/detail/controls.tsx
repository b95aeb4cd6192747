import { useKeys } from '../shell/keys.js';
import type { Playback } from './playback.js';

const SPEEDS = [0.25, 0.5, 1, 2];

/** What the buttons show, in a square of 16. */
const SHAPES = {
  play: 'M4.5 2.5v11l9-5.5z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  back: 'M3 3h2v10H3zM13 3v10L6 8z',
  on: 'M11 3h2v10h-2zM3 3v10l7-5z',
  loop: 'M5 4h6a3 3 0 0 1 3 3v1h-2V7a1 1 0 0 0-1-1H5v2L1.5 5 5 2zm6 8H5a3 3 0 0 1-3-3V8h2v1a1 1 0 0 0 1 1h6V8l3.5 3L11 14z',
} as const;

interface IconProps {
  readonly shape: keyof typeof SHAPES;
  readonly label: string;
  readonly onClick: () => void;
  /** Of a button that stays pressed. */
  readonly pressed?: boolean;
}

function IconButton({ shape, label, onClick, pressed }: IconProps) {
  return (
    <button type="button" class="icon" aria-label={label} aria-pressed={pressed} onClick={onClick}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={SHAPES[shape]} />
      </svg>
    </button>
  );
}

/** Plays, stops, and goes from frame to frame, by hand or with the keyboard. */
export function Controls({ playback, frames }: { playback: Playback; frames: number }) {
  const { playing, looping, frame, speed, toggle, seek, setLooping, setSpeed } = playback;
  useKeys({
    ArrowLeft: () => seek(frame - 1),
    ArrowRight: () => seek(frame + 1),
    ' ': toggle,
  });
  return (
    <div class="controls" role="group" aria-label="Playback">
      <IconButton shape={playing ? 'pause' : 'play'} label={playing ? 'Pause' : 'Play'} onClick={toggle} />
      <IconButton shape="back" label="One frame back" onClick={() => seek(frame - 1)} />
      <IconButton shape="on" label="One frame on" onClick={() => seek(frame + 1)} />
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
      <IconButton shape="loop" label="Loop" pressed={looping} onClick={() => setLooping(!looping)} />
    </div>
  );
}
