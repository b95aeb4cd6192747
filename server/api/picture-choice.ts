import { choiceOfSeed } from '../images/providers/choice.js';
import type { TaskSource } from '../tasks/task.js';
import { imageIndexField, readField } from './fields.js';

/**
 * Settles which picture of a prompt is used, `image_index` of the request or the one that the seed stands for.
 *
 * @param offered true where the image provider makes more than one picture of a prompt
 * @throws InvalidParameterError for an index that no provider has
 */
export function choosePicture(
  source: TaskSource,
  field: unknown,
  seed: number,
  offered: boolean,
): { source: TaskSource; warnings: string[] } {
  const index = readField(imageIndexField, field);
  if (source.type === 'prompt' && offered) {
    return { source: { ...source, image_index: index ?? choiceOfSeed(seed) }, warnings: [] };
  }
  if (index === undefined) return { source, warnings: [] };
  const why =
    source.type === 'prompt' ? 'the image provider makes one picture' : 'no picture is made of a prompt';
  return { source, warnings: [`image_index has no effect: ${why}`] };
}
