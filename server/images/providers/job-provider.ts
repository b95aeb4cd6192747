import type { PictureLimits } from '../picture.js';
import type { PictureWork } from '../picture-work.js';
import type { MadePicture, PictureProvider, PictureRequest } from '../source.js';
import { withAspectRatio } from './aspect-ratio.js';
import { cropMadeGrid } from './checked-picture.js';
import { choiceOfSeed } from './choice.js';
import { choosePicture } from './choose-picture.js';
import { withDeadline, type Deadline } from './deadline.js';
import { followJob, type JobSpeaker } from './follow-job.js';
import type { PictureFetch } from './picture-fetch.js';
import { ascending, stretch } from './report.js';

export interface JobProviderParts extends JobSpeaker {
  readonly name: string;
  readonly fetchPicture: PictureFetch;
  readonly limits: PictureLimits;
  readonly work: Pick<PictureWork, 'cropGrid'>;
  readonly timeoutMs: number;
}

/** Where the stretches of the work begin, as shares of the whole. */
const SUBMITTED = 0.02;
const MADE = 0.8;
const UPSCALED = 0.92;

const makePicture = async (
  parts: JobProviderParts,
  prompt: string,
  request: PictureRequest,
  deadline: Deadline,
): Promise<MadePicture> => {
  const { dialect, fetchPicture, limits, work } = parts;
  const report = ascending(request.onProgress);
  const index = request.imageIndex ?? choiceOfSeed(request.seed);
  const submission = dialect.submit(withAspectRatio(prompt, request.width, request.height));
  const result = await followJob(parts, submission, deadline, stretch(report, SUBMITTED, MADE));
  report(MADE);
  const { url, cell } = await choosePicture(parts, result, index, deadline, stretch(report, MADE, UPSCALED));
  report(UPSCALED);
  const bytes = await fetchPicture(url, deadline);
  const made =
    cell === undefined
      ? { bytes }
      : {
          bytes: await cropMadeGrid(work, bytes, cell, limits),
          note: `Picture ${cell} was cut from the provider’s grid of four`,
        };
  report(1);
  return made;
};

/** A provider that takes a prompt as a job, makes four pictures of it, and is asked until they are there. */
export const createJobProvider = (parts: JobProviderParts): PictureProvider => ({
  name: parts.name,
  placeholder: false,
  make: (prompt, request) =>
    withDeadline(parts.timeoutMs, request.signal, (deadline) =>
      makePicture(parts, prompt, request, deadline),
    ),
});
