import { ServiceError } from '../../errors.js';
import type { Picture, PictureLimits } from '../picture.js';
import type { PictureWork } from '../picture-work.js';
import { badAnswer } from './provider-error.js';

/** A picture at fault is the provider's fault; what keeps any picture from being decoded stays what it is. */
const blameProvider = (error: unknown): never => {
  if (!(error instanceof ServiceError) || error.status !== 400) throw error;
  throw badAnswer(`a picture that cannot be used: ${error.message}`, 'never');
};

/** Checks a picture that a provider made as any picture from outside. @throws ProviderError `provider_bad_answer` */
export const checkMadePicture = (
  work: Pick<PictureWork, 'normalise'>,
  bytes: Uint8Array,
  limits: PictureLimits,
): Promise<Picture> => work.normalise(bytes, limits, 'prompt').catch(blameProvider);

/** Cuts picture `cell` (1 to 4) out of a provider's grid. @throws ProviderError `provider_bad_answer` */
export const cropMadeGrid = (
  work: Pick<PictureWork, 'cropGrid'>,
  bytes: Uint8Array,
  cell: number,
  limits: PictureLimits,
): Promise<Buffer> => work.cropGrid(bytes, cell, limits, 'prompt').catch(blameProvider);
