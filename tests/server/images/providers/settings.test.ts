import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../../server/config.js';
import { createPictureProvider } from '../../../../server/images/providers/create-provider.js';
import { localPictureWork } from '../../../../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../../../../server/images/picture.js';
import { offersChoice, type RemoteProviderSettings } from '../../../../server/images/providers/settings.js';

const KEY = 'sk-very-secret-0123456789';
const remote = (env: NodeJS.ProcessEnv): RemoteProviderSettings =>
  readConfig(env).imageProvider as RemoteProviderSettings;
const refusal = (env: NodeJS.ProcessEnv): string => {
  try {
    readConfig(env);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

test('without configuration the embedded source makes the pictures', () => {
  const { imageProvider } = readConfig({});
  expect(imageProvider).toEqual({ name: 'embedded' });
  expect(
    createPictureProvider(imageProvider, { limits: PICTURE_LIMITS, work: localPictureWork }),
  ).toMatchObject({
    name: 'embedded',
    placeholder: true,
  });
});

test.each([
  ['thenextleg', 'https://api.thenextleg.io/v2', 5000, 3000, undefined],
  ['imagineapi', 'https://cl.imagineapi.dev', 5000, 0, undefined],
  ['openai', 'https://api.openai.com/v1', 5000, 0, 'gpt-image-1'],
])('%s has its own defaults', (IMAGE_PROVIDER, url, pollMs, intervalMs, model) => {
  const settings = remote({ IMAGE_PROVIDER, IMAGE_PROVIDER_KEY: KEY });
  expect(settings).toMatchObject({ name: IMAGE_PROVIDER, url, pollMs, intervalMs, timeoutMs: 900_000 });
  expect(settings.allowedOrigins).toEqual([]);
  expect(settings.model).toBe(model);
  expect(settings.key?.reveal()).toBe(KEY);
  expect(createPictureProvider(settings, { limits: PICTURE_LIMITS, work: localPictureWork })).toMatchObject({
    name: IMAGE_PROVIDER,
    placeholder: false,
  });
});

test('every setting can be given', () => {
  expect(
    remote({
      IMAGE_PROVIDER: 'midjourney-proxy',
      IMAGE_PROVIDER_URL: 'http://10.0.0.5:8080/mj-fast/',
      IMAGE_PROVIDER_MODEL: 'NIJI_JOURNEY',
      IMAGE_PROVIDER_AUTH: 'bearer',
      IMAGE_PROVIDER_ALLOW_ORIGINS: 'http://10.0.0.5:8080, https://Pictures.example/',
      IMAGE_PROVIDER_TIMEOUT_SECONDS: '60',
      IMAGE_PROVIDER_POLL_SECONDS: '0.5',
      IMAGE_PROVIDER_INTERVAL_SECONDS: '1.5',
    }),
  ).toEqual({
    name: 'midjourney-proxy',
    url: 'http://10.0.0.5:8080/mj-fast',
    model: 'NIJI_JOURNEY',
    auth: 'bearer',
    allowedOrigins: ['http://10.0.0.5:8080', 'https://pictures.example'],
    timeoutMs: 60_000,
    pollMs: 500,
    intervalMs: 1500,
  });
});

test('the original’s key counts for thenextleg, and for it alone', () => {
  expect(remote({ IMAGE_PROVIDER: 'thenextleg', TNL_API_KEY: KEY }).key?.reveal()).toBe(KEY);
  const both = { IMAGE_PROVIDER: 'thenextleg', TNL_API_KEY: 'other', IMAGE_PROVIDER_KEY: KEY };
  expect(remote(both).key?.reveal()).toBe(KEY);
  expect(refusal({ IMAGE_PROVIDER: 'openai', TNL_API_KEY: KEY })).toContain('IMAGE_PROVIDER_KEY: required');
  expect(readConfig({ TNL_API_KEY: KEY }).imageProvider).toEqual({ name: 'embedded' });
});

test('a service of one’s own needs no key, a public one does, a proxy needs its address', () => {
  expect(remote({ IMAGE_PROVIDER: 'openai', IMAGE_PROVIDER_URL: 'http://10.0.0.5/v1' }).key).toBeUndefined();
  expect(refusal({ IMAGE_PROVIDER: 'imagineapi' })).toContain('IMAGE_PROVIDER_KEY: required');
  expect(refusal({ IMAGE_PROVIDER: 'midjourney-proxy', IMAGE_PROVIDER_KEY: KEY })).toContain(
    'IMAGE_PROVIDER_URL: required',
  );
});

test.each([
  ['IMAGE_PROVIDER', 'stable-horde'],
  ['IMAGE_PROVIDER_URL', 'api.example'],
  ['IMAGE_PROVIDER_URL', 'ftp://api.example'],
  ['IMAGE_PROVIDER_URL', `https://user:${KEY}@api.example`],
  ['IMAGE_PROVIDER_URL', `https://api.example/?key=${KEY}`],
  ['IMAGE_PROVIDER_KEY', `${KEY}\r\nX-Evil: 1`],
  ['IMAGE_PROVIDER_KEY', `${KEY} ${KEY}`],
  ['IMAGE_PROVIDER_ALLOW_ORIGINS', '10.0.0.5'],
  ['IMAGE_PROVIDER_ALLOW_ORIGINS', '*'],
  ['IMAGE_PROVIDER_ALLOW_ORIGINS', 'http://10.0.0.5/some/path'],
  ['IMAGE_PROVIDER_ALLOW_ORIGINS', `http://user:${KEY}@10.0.0.5`],
  ['IMAGE_PROVIDER_TIMEOUT_SECONDS', '0'],
  ['IMAGE_PROVIDER_POLL_SECONDS', 'often'],
  ['IMAGE_PROVIDER_INTERVAL_SECONDS', '-1'],
  ['IMAGE_PROVIDER_AUTH', 'basic'],
  ['IMAGE_PROVIDER_MODEL', 'a b'],
])('%s=%s is refused by name, without showing a secret', (name, value) => {
  const message = refusal({ IMAGE_PROVIDER: 'openai', IMAGE_PROVIDER_KEY: 'k', [name]: value });
  expect(message).toContain(name);
  expect(message).not.toContain(KEY);
});

test('a key is not shown by printing or logging the configuration', () => {
  const config = readConfig({ IMAGE_PROVIDER: 'openai', IMAGE_PROVIDER_KEY: ` ${KEY}\n` });
  const { key } = config.imageProvider as RemoteProviderSettings;
  expect(key?.reveal()).toBe(KEY);
  for (const shown of [
    inspect(config, { depth: 9, showHidden: true }),
    JSON.stringify(config),
    String(key),
  ]) {
    expect(shown).not.toContain(KEY);
    expect(shown).toContain('[secret]');
  }
});

describe('the choice of one of four', () => {
  test.each([
    ['embedded', false],
    ['openai', false],
    ['thenextleg', true],
    ['midjourney-proxy', true],
    ['imagineapi', true],
  ])('%s offers it: %p', (IMAGE_PROVIDER, offered) => {
    const env = { IMAGE_PROVIDER, IMAGE_PROVIDER_KEY: KEY, IMAGE_PROVIDER_URL: 'http://10.0.0.5' };
    expect(offersChoice(readConfig(env).imageProvider)).toBe(offered);
  });
});
