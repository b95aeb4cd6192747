/** What a prompt's picture should be like, and how to follow or stop its making. */
export interface PictureRequest {
  /** The same prompt, seed and size give the same picture wherever the source can promise that. */
  readonly seed: number;
  /** Pixels the picture is wanted in; a source may give another size. */
  readonly width: number;
  readonly height: number;
  /** Which of the pictures a source makes is wanted, 1 to 4; the seed decides where it is left out. */
  readonly imageIndex?: number;
  readonly signal?: AbortSignal;
  /** Called with 0 to 1, never falling. */
  readonly onProgress?: (progress: number) => void;
}

/** What a source made: the bytes of an encoded picture (not yet checked), and a word for the task's warnings. */
export interface MadePicture {
  readonly bytes: Buffer;
  readonly note?: string;
}

/** Something that makes a picture of a prompt. */
export interface PictureProvider {
  readonly name: string;
  /** True where the picture only stands in for one that a real image provider would make. */
  readonly placeholder: boolean;
  /** @throws ServiceError when no picture comes of it; the reason of the signal when it was aborted */
  make(prompt: string, request: PictureRequest): Promise<MadePicture>;
}
