import { z } from 'zod';

const isOrigin = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && ['http:', 'https:'].includes(url.protocol) && `${url.origin}/` === url.href;
};

/** The parts of a list that are separated by commas, trimmed. */
export const commaList = z.string().transform((text) => text.split(',').map((part) => part.trim()));

/** A variable that lists origins; none by default. */
export const originList = commaList
  .refine(
    (origins) => origins.every(isOrigin),
    'expected a list of origins such as http://10.0.0.5:8080,https://pictures.example',
  )
  .transform((origins) => origins.map((origin) => new URL(origin).origin))
  .default([]);
