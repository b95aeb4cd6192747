import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { commaList, originList } from '../origin-list.js';
import { entriesOf, KEY_FORM, parseKeys, type AccessKey } from './keys.js';

export interface AccessSettings {
  /** Empty where the service is open to everybody. */
  readonly keys: readonly AccessKey[];
  /** Names of the holders who see everybody's tasks. */
  readonly admins: readonly string[];
  /** Origins whose pages may call the service from a browser. */
  readonly corsOrigins: readonly string[];
  /** Host names besides its own by which an open service may be called. */
  readonly allowedHosts: readonly string[];
}

const toKeys = (entries: readonly string[], context: z.RefinementCtx): readonly AccessKey[] => {
  const keys = parseKeys(entries);
  if (!keys) context.addIssue(KEY_FORM);
  return keys ?? [];
};

const keyFile = z.string().transform((path, context): readonly AccessKey[] => {
  try {
    const entries = entriesOf(readFileSync(path, 'utf8'));
    // Else the service would be open where somebody meant to close it.
    if (entries.length === 0) context.addIssue('the file has no key');
    return toKeys(entries, context);
  } catch {
    context.addIssue('the file cannot be read');
    return [];
  }
});

/** The environment variables of access. */
export const accessEnvironment = {
  API_KEYS: commaList.transform(toKeys).default([]),
  API_KEYS_FILE: keyFile.default([]),
  ADMIN_KEYS: commaList.default([]),
  CORS_ORIGINS: originList,
  ALLOWED_HOSTS: commaList
    .refine(
      (hosts) => hosts.every((host) => /^(\*|[\w.-]+)$/.test(host)),
      'expected a list of host names such as clips.example,gpu.example, or *',
    )
    .default([]),
};

type AccessEnvironment = z.infer<z.ZodObject<typeof accessEnvironment>>;

/** Variables whose values no message may repeat. */
export const ACCESS_SECRET_VARIABLES: readonly string[] = ['API_KEYS'];

/** Reports what does not go together. */
export const checkAccess = (e: AccessEnvironment, context: z.RefinementCtx): void => {
  const keys = [...e.API_KEYS, ...e.API_KEYS_FILE];
  const issue = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  const names = keys.map(({ name }) => name);
  const unknown = e.ADMIN_KEYS.find((name) => !names.includes(name));
  if (unknown !== undefined) issue('ADMIN_KEYS', `no key has the name ${JSON.stringify(unknown)}`);
  const hashes = keys.map(({ hash }) => hash.toString('hex'));
  if (new Set(hashes).size < hashes.length) issue('API_KEYS_FILE', 'a key stands in API_KEYS as well');
};

export const accessSettings = (e: AccessEnvironment): AccessSettings => ({
  keys: [...e.API_KEYS, ...e.API_KEYS_FILE],
  admins: e.ADMIN_KEYS,
  corsOrigins: e.CORS_ORIGINS,
  allowedHosts: e.ALLOWED_HOSTS.map((host) => host.toLowerCase()),
});
