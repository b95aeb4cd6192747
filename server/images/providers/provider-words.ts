import { jobFailed, quotaUsedUp, rejectedPrompt, type ProviderError } from './provider-error.js';

/** Reasons that providers give in words only. Matched against their text, which itself goes no further. */
const MODERATION =
  /invalid phrase|banned (?:prompt|word|phrase)|moderat|content (?:policy|filter|violation)|sensitive|nsfw|community (?:guidelines|standards)|inappropriate|prompt[^.]*(?:blocked|banned|not allowed)/i;
const QUOTA =
  /quota|insufficient|credit|out of (?:fast )?(?:hours|time)|plan limit|monthly limit|subscription|billing/i;

/** The first quoted text, as in `Invalid phrase: 'x'`. */
const quoted = (text: string): string | undefined => /["'‘“]([^"'’”]+)["'’”]/.exec(text)?.[1];

/** The error that a provider's own words stand for; undefined where they name neither content nor quota. */
export const recogniseWords = (
  text: string | null | undefined,
  prompt?: string,
): ProviderError | undefined => {
  if (!text) return undefined;
  if (MODERATION.test(text)) return rejectedPrompt(prompt, quoted(text));
  return QUOTA.test(text) ? quotaUsedUp() : undefined;
};

/** The error of a job that the provider gave up with these words. */
export const failedWith = (text: string | null | undefined, prompt?: string): ProviderError =>
  recogniseWords(text, prompt) ?? jobFailed();
