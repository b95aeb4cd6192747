import type { PictureWork } from '../picture-work.js';
import type { PictureProvider } from '../source.js';

const NOTE = 'The picture is a placeholder composed from the prompt, because no image provider is configured';

/** The picture source that needs nothing: it composes a landscape from the words of the prompt. */
export const createEmbeddedProvider = (work: Pick<PictureWork, 'compose'>): PictureProvider => ({
  name: 'embedded',
  placeholder: true,
  async make(prompt, { seed, width, height, signal, onProgress }) {
    signal?.throwIfAborted();
    const bytes = await work.compose({ prompt, seed, width, height });
    signal?.throwIfAborted();
    onProgress?.(1);
    return { bytes, note: NOTE };
  },
});
