import { preferencesOf } from '../preferences.js';

/** How long a client's request is held, and the status of the answer when its prediction has ended or not. */
export interface Patience {
  readonly ms: number;
  readonly ended: number;
  /** 504: an error, since the client counts on the result. */
  readonly unfinished: number;
}

const WAIT = /^wait(?:\s*=\s*"?(\d{1,9})"?)?$/;

/**
 * Reads the header `Prefer`. Without one Cog's clients wait for the result, and Replicate's do not; preferences that
 * nobody knows are passed over (RFC 7240, section 2).
 * @param replicate true for a request in Replicate's form
 * @param mostMs how long a request may be held
 */
export function patienceOf(prefer: string, replicate: boolean, mostMs: number): Patience {
  const wishes = preferencesOf(prefer);
  const wait = wishes.map((wish) => WAIT.exec(wish)).find((match) => match !== null);
  if (wait) {
    const asked = wait[1] === undefined ? mostMs : Number(wait[1]) * 1000;
    return { ms: Math.min(asked, mostMs), ended: 201, unfinished: 202 };
  }
  if (wishes.includes('respond-async')) return { ms: 0, ended: 202, unfinished: 202 };
  return replicate ? { ms: 0, ended: 201, unfinished: 201 } : { ms: mostMs, ended: 200, unfinished: 504 };
}
