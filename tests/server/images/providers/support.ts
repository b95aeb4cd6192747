import { inspect } from 'node:util';
import { resolveClip } from '../../../../pipeline/clip-request.js';
import { createPictureObtainer } from '../../../../server/images/obtain.js';
import { localPictureWork } from '../../../../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../../../../server/images/picture.js';
import { systemClock, type Clock } from '../../../../server/images/providers/clock.js';
import {
  createPictureProvider,
  type ProviderParts,
} from '../../../../server/images/providers/create-provider.js';
import { Secret } from '../../../../server/images/providers/secret.js';
import type { RemoteProviderSettings } from '../../../../server/images/providers/settings.js';
import type { RetryEvent } from '../../../../server/images/providers/retry.js';
import { manifest } from '../../../pipeline/manifests.js';
import { describePicture } from './fake-pictures.js';

/** The key that nothing but a request's header may ever show. */
export const KEY = 'sk-very-secret-0123456789';

/** A clock whose waits are over at once, and written down. Chance never takes anything away. */
export const instantClock = (): Clock & { readonly waits: number[] } => {
  const waits: number[] = [];
  return {
    waits,
    wait: (ms, signal) => {
      waits.push(ms);
      // A turn of the loop, so that a deadline's timer and an abort get theirs.
      return systemClock.wait(0, signal);
    },
    random: () => 1,
  };
};

export const POLL_MS = 4321;

export const settingsFor = (
  name: RemoteProviderSettings['name'],
  url: string,
  changes: Partial<RemoteProviderSettings> = {},
): RemoteProviderSettings => ({
  name,
  url,
  key: new Secret(KEY),
  auth: 'mj-api-secret',
  allowedOrigins: [],
  timeoutMs: 20_000,
  pollMs: POLL_MS,
  intervalMs: 0,
  ...changes,
});

export interface Outcome {
  /** `<colour> <width>x<height>`, or the code of the error. */
  readonly is: string;
  readonly message: string;
  readonly progress: readonly number[];
  /** Waits between failed attempts and the next, the polling's own left out. */
  readonly backoffs: readonly number[];
  readonly retries: readonly RetryEvent[];
  /** What each request to the API was for and came to. */
  readonly requests: readonly string[];
  /** All that an error and the log would show. */
  readonly shown: string;
}

export interface Wanted {
  readonly prompt?: string;
  readonly seed?: number;
  readonly image_index?: number;
  readonly signal?: AbortSignal;
  readonly parts?: Partial<ProviderParts>;
}

/** Runs one prompt through the provider and the picture's checks, as a task does. Never rejects. */
export const runPrompt = async (
  settings: RemoteProviderSettings,
  { prompt = 'a fox', seed = 0, image_index, signal, parts }: Wanted = {},
): Promise<Outcome> => {
  const clock = instantClock();
  const progress: number[] = [];
  const retries: RetryEvent[] = [];
  const requests: string[] = [];
  const provider = createPictureProvider(settings, {
    limits: PICTURE_LIMITS,
    work: localPictureWork,
    clock,
    onRetry: (event) => retries.push(event),
    onRequest: ({ call, outcome }) => requests.push(`${call} ${outcome}`),
    ...parts,
  });
  const pictures = createPictureObtainer({
    provider,
    limits: PICTURE_LIMITS,
    work: localPictureWork,
    download: () => Promise.reject(new Error('A prompt is no address')),
  });
  const params = { ...resolveClip({}, manifest()).params, seed, W: 1024, H: 576 };
  const source = { type: 'prompt', prompt, ...(image_index === undefined ? {} : { image_index }) } as const;
  const ended = (): Pick<Outcome, 'progress' | 'backoffs' | 'retries' | 'requests'> => ({
    progress,
    backoffs: clock.waits.filter((ms) => ms !== POLL_MS),
    retries,
    requests,
  });
  try {
    const { png } = await pictures.obtain(source, params, {
      signal: signal ?? new AbortController().signal,
      onProgress: (share) => progress.push(share),
    });
    return { ...ended(), is: await describePicture(png), message: '', shown: inspect(retries) };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const shown = `${inspect(error, { depth: 30, showHidden: true })} ${JSON.stringify(error)} ${inspect(retries)}`;
    return { ...ended(), is: String(code ?? message), message, shown };
  }
};
