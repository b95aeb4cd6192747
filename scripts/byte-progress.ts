import cliProgress from 'cli-progress';
import type { WriteStream } from 'node:tty';

export interface ByteProgress {
  show(done: number, total: number): void;
  close(): void;
}

const MEGABYTE = 1e6;
const LINES = 10;

/** How far a transfer is: a bar on a terminal, elsewhere a line at each tenth. */
export function openByteProgress(stream: WriteStream, label: string): ByteProgress {
  return stream.isTTY ? openBar(stream, label) : openLines(stream, label);
}

function openBar(stream: WriteStream, label: string): ByteProgress {
  const format = `${label} {bar} {percentage} %  {value}/{total} MB  {eta_formatted} left`;
  const bar = new cliProgress.SingleBar(
    { stream, format, hideCursor: true, clearOnComplete: true },
    cliProgress.Presets.shades_classic,
  );
  let started = false;
  return {
    show(done, total) {
      if (!started) bar.start(Math.ceil(total / MEGABYTE), 0);
      started = true;
      bar.update(Math.round(done / MEGABYTE));
    },
    close: () => bar.stop(),
  };
}

function openLines(stream: WriteStream, label: string): ByteProgress {
  let last = 0;
  return {
    show(done, total) {
      const tenth = Math.floor((done / total) * LINES);
      if (tenth === last) return;
      last = tenth;
      const [written, all] = [done, total].map((bytes) => (bytes / MEGABYTE).toFixed(0));
      stream.write(`${label} ${written}/${all} MB (${(tenth * 100) / LINES} %)\n`);
    },
    close: () => undefined,
  };
}
