import { invalidRequest } from '../errors.js';
import type { TaskSource } from '../tasks/task.js';
import { imageUrlField, promptField, readField } from './fields.js';
import type { Form } from './form.js';

const MAX_NAME = 120;
/** What a form calls a file that has no name. */
const NAMELESS = 'blob';

/** The name of an uploaded file, to be shown: its last part, in one line. */
function nameToShow(given = ''): string | undefined {
  const [last = ''] = given.split(/[/\\]/).slice(-1);
  const name = last.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return name === '' || name === NAMELESS ? undefined : [...name].slice(0, MAX_NAME).join('');
}

/** The first of prompt, image_url and upload that is there; a warning names those that are not used. */
export function chooseSource(
  form: Pick<Form, 'picture' | 'pictureName'>,
  promptValue: unknown,
  urlValue: unknown,
): { source: TaskSource; warnings: string[] } {
  const prompt = readField(promptField, promptValue);
  const url = readField(imageUrlField, urlValue);
  const given: [field: string, source: TaskSource][] = [];
  if (prompt !== undefined) given.push(['prompt', { type: 'prompt', prompt }]);
  if (url !== undefined) given.push(['image_url', { type: 'image_url', image_url: url }]);
  if (form.picture) {
    const name = nameToShow(form.pictureName);
    given.push(['image', { type: 'upload', ...(name === undefined ? {} : { name }) }]);
  }
  if (given.length === 0) {
    throw invalidRequest('Image and prompt not found', {
      allowed: 'one of prompt, image_url, or an uploaded file in image',
    });
  }
  const [[used, source], ...unused] = given;
  return { source, warnings: unused.map(([field]) => `${field} is not used, because ${used} is given`) };
}
