import type { PlainFault } from '../fastapi-errors.js';
import { errorForm, type ErrorForm } from '../http-errors.js';

/** Fields beside `input` that are checked by code which all APIs share; every other such field is one of `input`. */
const BESIDE_INPUT: readonly string[] = ['webhook', 'webhook_events_filter'];

const placeOf = (field: string | undefined): PlainFault['loc'] => {
  if (field === undefined) return ['body'];
  return BESIDE_INPUT.includes(field) ? ['body', field] : ['body', 'input', field];
};

/** `{detail: […]}` with status 422 for a request that is wrong, `{detail: "…"}` for whatever else. */
const cogForm: ErrorForm = ({ status, message, field, info }) => {
  const wrong = status === 400 || status === 422;
  const fault: PlainFault = { loc: placeOf(field), msg: message, type: 'value_error' };
  return { status: wrong ? 422 : status, body: { detail: wrong ? [fault] : message, ...info } };
};

/** Errors at the addresses of Cog's API are worded as Cog words them, also where there is no such route. */
export const cogErrors = errorForm(cogForm, '/predictions', '/models', '/files', '/health-check');
