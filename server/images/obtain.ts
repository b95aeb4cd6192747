import type { PictureParams, TaskSource } from '../tasks/task.js';
import type { PictureLimits } from './picture.js';
import type { PictureWork } from './picture-work.js';
import { checkMadePicture } from './providers/checked-picture.js';
import type { PictureProvider } from './source.js';

/** A checked picture, ready for the pipeline. */
export interface ObtainedPicture {
  readonly png: Buffer;
  /** True when it only stands in for what a real image provider would make. */
  readonly placeholder: boolean;
  /** A word for the task's warnings. */
  readonly note?: string;
}

export interface ObtainOptions {
  readonly signal: AbortSignal;
  /** Called with 0 to 1. */
  readonly onProgress: (share: number) => void;
}

export interface PictureObtainer {
  /** @throws ServiceError: why there is no picture */
  obtain(source: TaskSource, params: PictureParams, options: ObtainOptions): Promise<ObtainedPicture>;
}

export interface ObtainerParts {
  readonly provider: PictureProvider;
  /** The guarded download: the only way an address from outside is ever fetched. */
  readonly download: (url: string, options: { readonly signal: AbortSignal }) => Promise<Buffer>;
  readonly limits: PictureLimits;
  readonly work: Pick<PictureWork, 'normalise'>;
}

/** Gets a task's picture from where its source says: the provider for a prompt, a download for an address. */
export const createPictureObtainer = ({
  provider,
  download,
  limits,
  work,
}: ObtainerParts): PictureObtainer => ({
  async obtain(source, { W, H, seed }, { signal, onProgress }) {
    switch (source.type) {
      case 'prompt': {
        const { prompt, image_index: imageIndex } = source;
        const request = { seed, width: W, height: H, signal, onProgress };
        const { bytes, note } = await provider.make(
          prompt,
          imageIndex === undefined ? request : { ...request, imageIndex },
        );
        const { png } = await checkMadePicture(work, bytes, limits);
        return { png, placeholder: provider.placeholder, ...(note === undefined ? {} : { note }) };
      }
      case 'image_url': {
        const bytes = await download(source.image_url, { signal });
        const { png } = await work.normalise(bytes, limits, 'image_url');
        return { png, placeholder: false };
      }
      case 'upload':
        throw new Error('An uploaded picture is stored before its task exists');
    }
  },
});
