import cliProgress from 'cli-progress';
import type { WriteStream } from 'node:tty';
import type { ClipProgress } from '../pipeline/clip-job.js';
import type { ClipPreview } from '../pipeline/preview.js';
import { showsPictures, TerminalPreview } from './terminal-preview.js';

export interface ProgressDisplay {
  /** @param secondsLeft where somebody else knows; else the pace so far tells */
  show(progress: ClipProgress, secondsLeft?: number | null): void;
  /** Shows what the clip looks like so far, where the terminal can. */
  readonly preview: (preview: ClipPreview) => void;
  close(): void;
}

/** A bar with stage and time left on a terminal; elsewhere a plain line whenever a step is done. */
export function openProgress(stream: WriteStream): ProgressDisplay {
  return stream.isTTY ? openBar(stream) : openLines(stream);
}

/** A pace is told from this much progress on. */
const TELLING = 0.05;

/**
 * Tells the time left: as it is known, else at the pace since it was first asked. How long the model took to load says
 * nothing of that, nor does what was done before.
 */
export function timeLeft(
  now: () => number = Date.now,
): (progress: number, knownSeconds?: number | null) => string {
  let first: { readonly at: number; readonly progress: number } | undefined;
  return (progress, knownSeconds) => {
    first ??= { at: now(), progress };
    if (knownSeconds != null) return inSeconds(knownSeconds);
    const done = progress - first.progress;
    return done < TELLING ? '…' : inSeconds(((now() - first.at) / 1000 / done) * (1 - progress));
  };
}

const inSeconds = (seconds: number): string => `${Math.ceil(seconds)} s`;

/** `2 of 4, ` where there are several variations or scenes. */
const partOf = ({ part, parts }: ClipProgress): string => (parts > 1 ? `${part} of ${parts}, ` : '');

function openBar(stream: WriteStream): ProgressDisplay {
  const eta = timeLeft();
  const picture = showsPictures(stream, process.env) ? new TerminalPreview(stream) : undefined;
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: '{stage} {bar} {percentage} %  {part}step {step}/{steps}  {left} left',
      hideCursor: true,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(1000, 0, { stage: 'start ', part: '', step: 0, steps: 0, left: '…' });
  return {
    show(at, secondsLeft) {
      const { stage, step, steps, progress } = at;
      const left = eta(progress, secondsLeft);
      const part = partOf(at);
      bar.update(Math.round(progress * 1000), { stage: stage.padEnd(6), part, step, steps, left });
    },
    preview: (preview) => picture?.show(preview),
    close: () => {
      bar.stop();
      picture?.close();
    },
  };
}

function openLines(stream: WriteStream): ProgressDisplay {
  const eta = timeLeft();
  let last = '';
  return {
    show(at, secondsLeft) {
      const { stage, step, steps, progress } = at;
      const line = `${partOf(at)}${stage} ${step}/${steps}`;
      if (line === last) return;
      last = line;
      stream.write(`${line} (${Math.round(progress * 100)} %, ${eta(progress, secondsLeft)} left)\n`);
    },
    preview: () => undefined,
    close: () => undefined,
  };
}
