import type { ClipPreview } from '../../pipeline/preview.js';

interface Entry {
  readonly version: number;
  readonly preview: ClipPreview;
  /** The preview as a file; made when somebody asks for it. */
  encoded?: Promise<Buffer>;
}

/** Small pictures, looked at for a second: quick to make matters more than small. */
const WEBP = { quality: 70, effort: 0, loop: 0 } as const;

/** The newest preview of each running task, in memory: it is worth nothing once the clip is there. */
export class Previews {
  readonly #entries = new Map<string, Entry>();
  #versions = 0;

  put(id: string, preview: ClipPreview): void {
    this.#entries.set(id, { version: ++this.#versions, preview });
  }

  drop(id: string): void {
    this.#entries.delete(id);
  }

  /** Which preview of a task is the newest; undefined while there is none. */
  version(id: string): number | undefined {
    return this.#entries.get(id)?.version;
  }

  /** The newest preview as animated WebP; undefined while there is none. Encoded once, and only when asked for. */
  webp(id: string): Promise<Buffer> | undefined {
    const entry = this.#entries.get(id);
    return entry && (entry.encoded ??= encode(entry.preview));
  }
}

/** The library is loaded when the first preview is looked at: without them this process does without it. */
async function encode({ width, height, frames, frameMs, rgb }: ClipPreview): Promise<Buffer> {
  const { sharp } = await import('../images/safe-sharp.js');
  const raw = { width, height: height * frames, channels: 3, pageHeight: height } as const;
  const delay = Array.from({ length: frames }, () => frameMs);
  return sharp(rgb, { raw })
    .webp({ ...WEBP, delay })
    .toBuffer();
}
