import { ServiceError } from '../errors.js';
import type { GuardedAnswer, GuardedRequest } from './guarded-request.js';
import { imageTooLarge } from './picture-errors.js';
import { TransferError } from './transfer-error.js';

type Request = (url: string, init: GuardedRequest) => Promise<GuardedAnswer>;

/** 502 for a picture that could not be had. The message begins as clients of the img2vid API know it. */
const imageUnreachable = (reason: string, field: string, cause?: unknown): ServiceError =>
  new ServiceError(502, 'image_unreachable', `Error retrieving image: ${reason}`, { field, cause });

/** Fetches the bytes behind a picture's URL through the guard, and words every failure for the one who sent the URL. */
export const downloadPicture = async (
  request: Request,
  url: string,
  { signal, field = 'image_url' }: Pick<GuardedRequest, 'signal' | 'field'> = {},
): Promise<Buffer> => {
  const headers = { Accept: 'image/png,image/jpeg,image/webp,image/gif;q=0.9,*/*;q=0.1' };
  let answer: GuardedAnswer;
  try {
    answer = await request(url, { headers, field, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    if (error.kind === 'too_large') throw imageTooLarge(error.message, field, 'a smaller file');
    throw imageUnreachable(error.message, field, error);
  }
  if (answer.status < 200 || answer.status > 299)
    throw imageUnreachable(`HTTP status ${answer.status}`, field);
  return answer.body;
};
