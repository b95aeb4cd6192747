import { ServiceError } from '../errors.js';

export const ACCEPTED_FORMATS = ['png', 'jpeg', 'webp', 'gif'] as const;

/** 400 for bytes that are no picture we read. The message begins as clients of the img2vid API know it. */
export const invalidImage = (reason: string, field: string, cause?: unknown): ServiceError =>
  new ServiceError(400, 'invalid_image', `Invalid image file: ${reason}`, {
    field,
    allowed: ACCEPTED_FORMATS,
    cause,
  });

/** 400 for a picture beyond a limit; the message names the limit and what was given. */
export const imageTooLarge = (reason: string, field: string, allowed: string): ServiceError =>
  new ServiceError(400, 'image_too_large', `Image too large: ${reason}`, { field, allowed });
