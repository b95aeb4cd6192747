import { size } from '../tasks/describe.js';
import type { FormState } from './form-state.js';

/** The pictures that the service reads. */
export const PICTURE_TYPES: readonly string[] = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];
export const PICTURE_NAMES = 'PNG, JPEG, WebP or GIF';

/** What keeps a file from being used; `limit`: bytes of the largest that is taken. */
export function pictureFault(file: File, limit: number): string | undefined {
  if (!PICTURE_TYPES.includes(file.type)) return `A picture must be ${PICTURE_NAMES}`;
  if (file.size > limit) return `This has ${size(file.size)}; a picture may have ${size(limit)} at the most`;
  return undefined;
}

/** What keeps the chosen source from being used. */
export function sourceFault(
  { source, prompt, imageUrl, picture }: FormState,
  limit: number,
): string | undefined {
  if (source === 'prompt') return prompt.trim() === '' ? 'Write a prompt' : undefined;
  if (source === 'image_url') return imageUrl.trim() === '' ? 'Give an address' : undefined;
  return picture ? pictureFault(picture, limit) : 'Choose a picture';
}
