import type { Picture, PictureLimits } from './picture.js';

/** A picture to be composed of a prompt; the same prompt, seed and size give the same bytes. */
export interface Composition {
  readonly prompt: string;
  readonly seed: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * Everything that is done with bytes and words from outside by a decoder or a renderer in native code, which can crash,
 * hang and eat memory. Each answers with a ServiceError (400) that names `field` where the bytes are at fault.
 */
export interface PictureWork {
  /** Checks a picture and makes it safe for everything after; see `normalisePicture`. */
  normalise(bytes: Uint8Array, limits: PictureLimits, field: string): Promise<Picture>;
  /** Cuts one of four pictures out of a grid, as PNG; see `cropGrid`. */
  cropGrid(bytes: Uint8Array, cell: number, limits: PictureLimits, field: string): Promise<Buffer>;
  /** Composes a picture of the words of a prompt, as PNG; see `composePicture`. */
  compose(composition: Composition): Promise<Buffer>;
}

/** One call of an operation, as it goes to the process that does it. */
export interface PictureCall {
  readonly operation: keyof PictureWork;
  readonly args: readonly unknown[];
}

/** What the process says: that it takes calls, and what a call came to. */
export type FromPictureWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'refused'; readonly error: RefusalParts }
  | { readonly type: 'failed'; readonly message: string };

/** A ServiceError on its way between processes. */
export interface RefusalParts {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly field: string | undefined;
  readonly allowed: unknown;
}
