import type { Deadline } from './deadline.js';
import { followJob, type JobSpeaker } from './follow-job.js';
import type { JobResult } from './job.js';
import { badAnswer, ProviderError } from './provider-error.js';
import type { Report } from './report.js';

/** The picture that was chosen: all of what is behind `url`, or one cell (1 to 4) of the grid there. */
export interface ChosenPicture {
  readonly url: string;
  readonly cell?: number;
}

/** The picture in full size, as the provider makes it of the grid; undefined where it cannot. */
const upscaled = async (
  speaker: JobSpeaker,
  result: JobResult,
  index: number,
  deadline: Deadline,
  report: Report,
): Promise<ChosenPicture | undefined> => {
  const call = result.upscale?.(index);
  if (!call) return undefined;
  try {
    const { main, singles } = await followJob(speaker, call, deadline, report);
    const url = main ?? singles.at(0);
    return url === undefined ? undefined : { url };
  } catch (error) {
    // The four are paid for: a smaller picture is better than none.
    if (error instanceof ProviderError && result.main !== undefined) return undefined;
    throw error;
  }
};

/**
 * Settles where picture `index` (1 to 4) of a finished job lies: among the ready ones, else upscaled from the grid, else a
 * cell of the grid. A job of one picture has no choice.
 */
export const choosePicture = async (
  speaker: JobSpeaker,
  result: JobResult,
  index: number,
  deadline: Deadline,
  report: Report,
): Promise<ChosenPicture> => {
  const { main, grid, singles } = result;
  if (singles.length === 4) return { url: singles[index - 1] };
  if (main !== undefined && !grid) return { url: main };
  const single = await upscaled(speaker, result, index, deadline, report);
  if (single) return single;
  if (main !== undefined) return { url: main, cell: index };
  if (singles.length > 0) return { url: singles[(index - 1) % singles.length] };
  throw badAnswer('a finished job without a picture', 'never');
};
