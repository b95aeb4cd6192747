import { startService, type TestService } from '../support.js';

/** Keys of two holders who see their own tasks, and of one who sees all. */
export const KEYS = {
  alice: 'alices-key-of-16-letters',
  bob: 'bobs-key-of-16-letters',
  root: 'roots-key-of-16-letters',
} as const;
export type Holder = keyof typeof KEYS;

export const keyEnvironment = {
  API_KEYS: Object.entries(KEYS)
    .map(([name, key]) => `${name}:${key}`)
    .join(','),
  ADMIN_KEYS: 'root',
};

export const bearer = (holder: Holder): Record<string, string> => ({
  authorization: `Bearer ${KEYS[holder]}`,
});

export const startKeyedService = (options: Parameters<typeof startService>[0] = {}): Promise<TestService> =>
  startService({ ...options, env: { ...keyEnvironment, ...options.env } });
