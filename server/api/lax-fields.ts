import { z } from 'zod';
import { numberFromText } from '../../pipeline/clip-request.js';

/** Schemas of fields that take what pydantic's lax mode takes, such as numbers in text. */

const TRUE = ['1', 'true', 't', 'yes', 'y', 'on'];
const FALSE = ['0', 'false', 'f', 'no', 'n', 'off'];

function flagFromText(value: unknown): unknown {
  if (value !== 0 && value !== 1 && typeof value !== 'string') return value;
  const word = String(value).trim().toLowerCase();
  if (TRUE.includes(word)) return true;
  return FALSE.includes(word) ? false : value;
}

/** See `wrongType` in fastapi-errors.ts for the message. */
export const laxInteger = (min: number, max: number) =>
  z.preprocess(numberFromText, z.int('int').min(min).max(max));

export const laxEvenInteger = (min: number, max: number) =>
  z.preprocess(numberFromText, z.int('int').min(min).max(max).multipleOf(2));

export const laxNumber = (min: number, max: number) =>
  z.preprocess(numberFromText, z.number().min(min).max(max));

/** A number above 0. */
export const laxPositive = (max: number) => z.preprocess(numberFromText, z.number().positive().max(max));

export const laxFlag = z.preprocess(flagFromText, z.boolean());
