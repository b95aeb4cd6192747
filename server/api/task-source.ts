import { invalidRequest } from '../errors.js';
import type { TaskSource } from '../tasks/task.js';
import type { Form } from './form.js';

const MAX_PROMPT = 8192;

/** The first of prompt, image_url and upload that is there; a warning names those that are not used. */
export function chooseSource(
  form: Form,
  promptField: unknown,
  urlField: unknown,
): { source: TaskSource; warnings: string[] } {
  const prompt = text('prompt', promptField);
  const url = text('image_url', urlField);
  if (prompt !== undefined && prompt.length > MAX_PROMPT) {
    throw invalidRequest(
      `Expected \`prompt\` to have at most ${MAX_PROMPT} characters, got ${prompt.length}`,
      {
        field: 'prompt',
        allowed: `1 to ${MAX_PROMPT} characters`,
      },
    );
  }
  const given: [field: string, source: TaskSource][] = [
    ...(prompt === undefined ? [] : [['prompt', { type: 'prompt', prompt }] as [string, TaskSource]]),
    ...(url === undefined
      ? []
      : [['image_url', { type: 'image_url', image_url: webAddress(url) }] as [string, TaskSource]]),
    ...(form.picture ? [['image', { type: 'upload' }] as [string, TaskSource]] : []),
  ];
  if (given.length === 0) {
    throw invalidRequest('Image and prompt not found', {
      allowed: 'one of prompt, image_url, or an uploaded file in image',
    });
  }
  const [[used, source], ...unused] = given;
  return { source, warnings: unused.map(([field]) => `${field} is not used, because ${used} is given`) };
}

/** A text field; blank counts as not given. */
export function text(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') {
    throw invalidRequest(`Expected \`${field}\` to be a text, got ${JSON.stringify(value)}`, {
      field,
      allowed: 'a text',
    });
  }
  return value.trim() === '' ? undefined : value.trim();
}

/** What cannot be an address is refused at once; whether it may be fetched is decided when it is. */
function webAddress(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalidRequest('Expected `image_url` to be an http or https address without credentials', {
      field: 'image_url',
      allowed: 'an http:// or https:// address',
    });
  }
  return value;
}
