import cliProgress from 'cli-progress';
import type { WriteStream } from 'node:tty';
import type { ClipProgress } from '../pipeline/clip-job.js';
import type { ClipPreview } from '../pipeline/preview.js';
import { showsPictures, TerminalPreview } from './terminal-preview.js';

export interface ProgressDisplay {
  show(progress: ClipProgress): void;
  /** Shows what the clip looks like so far, where the terminal can. */
  readonly preview: (preview: ClipPreview) => void;
  close(): void;
}

/** A bar with stage and time left on a terminal; elsewhere a plain line whenever a step is done. */
export function openProgress(stream: WriteStream): ProgressDisplay {
  return stream.isTTY ? openBar(stream) : openLines(stream);
}

/** Time left at the pace so far; undefined until there is one. */
function secondsLeft(startedAt: number, progress: number): number | undefined {
  if (progress < 0.05) return undefined;
  const elapsed = (Date.now() - startedAt) / 1000;
  return Math.ceil((elapsed / progress) * (1 - progress));
}

const eta = (startedAt: number, progress: number): string => {
  const left = secondsLeft(startedAt, progress);
  return left === undefined ? '…' : `${left} s`;
};

function openBar(stream: WriteStream): ProgressDisplay {
  const startedAt = Date.now();
  const picture = showsPictures(stream, process.env) ? new TerminalPreview(stream) : undefined;
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: '{stage} {bar} {percentage} %  step {step}/{steps}  {left} left',
      hideCursor: true,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(1000, 0, { stage: 'start ', step: 0, steps: 0, left: '…' });
  return {
    show({ stage, step, steps, progress }) {
      const left = eta(startedAt, progress);
      bar.update(Math.round(progress * 1000), { stage: stage.padEnd(6), step, steps, left });
    },
    preview: (preview) => picture?.show(preview),
    close: () => {
      bar.stop();
      picture?.close();
    },
  };
}

function openLines(stream: WriteStream): ProgressDisplay {
  const startedAt = Date.now();
  let last = '';
  return {
    show({ stage, step, steps, progress }) {
      const line = `${stage} ${step}/${steps}`;
      if (line === last) return;
      last = line;
      stream.write(`${line} (${Math.round(progress * 100)} %, ${eta(startedAt, progress)} left)\n`);
    },
    preview: () => undefined,
    close: () => undefined,
  };
}
