import { toDataUrl } from '../../images/base64.js';
import type { MediaStorage } from '../../media/storage.js';
import type { Task } from '../../tasks/task.js';
import { linksOf, toPrediction, type Prediction } from './prediction.js';

/** Videos of one prediction that together have more bytes are linked to: an answer is made in memory. */
const MOST_BYTES = 64 * 2 ** 20;

/** The videos of a prediction as data URLs; null while there are none, or no more. */
async function outputOf(
  task: Task,
  storage: MediaStorage,
  baseUrl: string | undefined,
): Promise<string[] | null> {
  const videos = task.result?.videos ?? [];
  if (videos.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_BYTES) return linksOf(task, baseUrl);
  const output: string[] = [];
  for (const { file } of videos) {
    const video = await storage.read(storage.file(task.id, file));
    if (!video) return null;
    output.push(toDataUrl('video/mp4', video));
  }
  return output.length === 0 ? null : output;
}

/** A prediction with its videos in it: the answer to whoever asks for this one. */
export const wholePrediction = async (
  task: Task,
  storage: MediaStorage,
  baseUrl: string | undefined,
): Promise<Prediction> => toPrediction(task, await outputOf(task, storage, baseUrl), baseUrl);
