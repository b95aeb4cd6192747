import type { WriteStream } from 'node:tty';
import type { ClipPreview } from '../pipeline/preview.js';

/** Widest preview, in character cells. */
const MOST_COLUMNS = 64;
/** Rows that the terminal keeps for what was written before. */
const OTHER_ROWS = 6;
const ESCAPE = '\x1b[';

/** Whether a terminal shows pictures in colour: it says so itself, and nobody has asked for none. */
export const showsPictures = (stream: WriteStream, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY &&
  !env.NO_COLOR &&
  /^(truecolor|24bit)$/.test(env.COLORTERM ?? '') &&
  stream.columns >= 40 &&
  stream.rows >= 16;

/** One frame as lines of half blocks: the upper pixel is the character's colour, the lower one its background. */
export function frameLines(preview: ClipPreview, frame: number, columns: number, rows: number): string[] {
  const { width, height, rgb } = preview;
  const scale = Math.min(columns / width, (2 * rows) / height, 1);
  const across = Math.max(1, Math.floor(width * scale));
  const down = Math.max(1, Math.floor((height * scale) / 2));
  const colour = (x: number, y: number): string => {
    const [column, row] = [Math.floor((x * width) / across), Math.floor((y * height) / (2 * down))];
    const at = ((frame * height + row) * width + column) * 3;
    return `${rgb[at]};${rgb[at + 1]};${rgb[at + 2]}`;
  };
  return Array.from({ length: down }, (_, y) => {
    const cells = Array.from(
      { length: across },
      (_cell, x) => `${ESCAPE}38;2;${colour(x, 2 * y)};48;2;${colour(x, 2 * y + 1)}m▀`,
    );
    return `${cells.join('')}${ESCAPE}0m`;
  });
}

/** Plays the newest preview above the line in which the cursor is. */
export class TerminalPreview {
  readonly #stream: WriteStream;
  #preview: ClipPreview | undefined;
  #frame = 0;
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  show(preview: ClipPreview): void {
    this.#preview = preview;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#draw(), preview.frameMs).unref();
    this.#draw();
  }

  /** Takes the picture away. */
  close(): void {
    clearInterval(this.#timer);
    if (this.#lines > 0) this.#stream.write(`\r${ESCAPE}${this.#lines}A${ESCAPE}J`);
    this.#lines = 0;
  }

  #draw(): void {
    const preview = this.#preview;
    if (!preview) return;
    const { columns, rows } = this.#stream;
    const frame = this.#frame++ % preview.frames;
    const lines = frameLines(preview, frame, Math.min(columns, MOST_COLUMNS), rows - OTHER_ROWS);
    if (this.#lines !== lines.length) {
      this.close();
      this.#stream.write('\n'.repeat(lines.length)); // makes room, scrolling if need be
      this.#lines = lines.length;
    }
    const drawn = lines.map((line) => `${line}${ESCAPE}K\n`).join('');
    this.#stream.write(`\r${ESCAPE}${lines.length}A${drawn}`);
  }
}
