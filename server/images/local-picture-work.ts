import { composePicture } from './embedded-picture.js';
import { cropGrid } from './crop-grid.js';
import { normalisePicture } from './normalise-picture.js';
import type { PictureWork } from './picture-work.js';

/** The work itself, done where it is called: in a process that may die of it. */
export const localPictureWork: PictureWork = {
  normalise: normalisePicture,
  cropGrid,
  compose: composePicture,
};
