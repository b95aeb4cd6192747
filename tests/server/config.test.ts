import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { readConfig } from '../../server/config.js';

describe('the environment', () => {
  test('empty gives the documented defaults', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      port: 5000,
      host: '0.0.0.0',
      baseUrl: undefined,
      model: 'kenburns',
      devices: ['auto'],
      logLevel: 'info',
      maxUploadBytes: 20 * 1024 * 1024,
      maxPicturePixels: 40_000_000,
      shutdownGraceMs: 10_000,
      access: { keys: [], admins: [], corsOrigins: [], allowedHosts: [] },
      maxScenes: 20,
    });
    expect(isAbsolute(config.dataDir) && isAbsolute(config.modelsDir)).toBe(true);
  });

  test('a blank variable counts as unset', () => {
    expect(readConfig({ PORT: '', MODEL: '' })).toMatchObject({ port: 5000, model: 'kenburns' });
  });

  test('on a pod the public address is the proxy’s, unless one is given', () => {
    const pod = { RUNPOD_POD_ID: 'abc123', PORT: '5000' };
    expect(readConfig(pod).baseUrl).toBe('https://abc123-5000.proxy.runpod.net');
    expect(readConfig({ ...pod, BASE_URL: 'https://clips.example/' }).baseUrl).toBe('https://clips.example');
  });

  test('everything is kept, unless for a time or within a size', () => {
    expect(readConfig({}).retention).toEqual({ keepUploadsMs: 24 * 3_600_000 });
    const limits = { KEEP_DAYS: '0.5', MAX_MEDIA_GB: '1.5', KEEP_UPLOADS_HOURS: '0' };
    expect(readConfig(limits).retention).toEqual({
      keepMs: 12 * 3_600_000,
      keepUploadsMs: 0,
      maxMediaBytes: 1.5 * 1024 ** 3,
    });
  });

  test('a list of devices is one worker each', () => {
    expect(readConfig({ DEVICE: 'cuda:0,cuda:1' }).devices).toEqual(['cuda:0', 'cuda:1']);
  });

  test.each([
    ['PORT', '70000'],
    ['PORT', '80.5'],
    ['DEVICE', 'gpu'],
    ['DEVICE', 'cuda:0;rm'],
    ['BASE_URL', 'clips'],
    ['MAX_UPLOAD_MB', '0'],
    ['KEEP_DAYS', '0'],
    ['MAX_MEDIA_GB', 'all'],
    ['LOG_LEVEL', 'loud'],
    ['RUNPOD_POD_ID', 'a.b/c'],
    ['API_KEYS_FILE', '/nowhere/keys'],
    ['ADMIN_KEYS', 'nobody'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['CORS_ORIGINS', 'null'],
    ['ALLOWED_HOSTS', 'https://a.example'],
    ['MAX_QUEUE', '-1'],
    ['RATE_LIMIT_PER_MINUTE', 'many'],
    ['TRUST_PROXY', 'true'],
  ])('%s=%s is refused by name', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(`${name}=${value}`);
  });

  test('access keys come from the environment and from a file, and are kept as hashes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    try {
      const file = join(folder, 'keys');
      writeFileSync(file, '# of the team\nbob:bobs-key-of-16-letters\n');
      const { access } = readConfig({
        API_KEYS: 'alice:alices-key-of-16-letters, root:roots-key-of-16-letters',
        API_KEYS_FILE: file,
        ADMIN_KEYS: 'root',
      });
      expect(access.keys.map(({ name }) => name)).toEqual(['alice', 'root', 'bob']);
      expect(access.admins).toEqual(['root']);
      expect(JSON.stringify(access)).not.toMatch(/of-16-letters/);
      const twice = { API_KEYS: 'alice:bobs-key-of-16-letters', API_KEYS_FILE: file };
      expect(() => readConfig(twice)).toThrow(/API_KEYS_FILE.*a key stands in API_KEYS as well/);
      writeFileSync(file, '# nobody yet\n');
      expect(() => readConfig({ API_KEYS_FILE: file })).toThrow(/the file has no key/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a wrong list of keys is refused without being repeated', () => {
    const given = (): unknown => readConfig({ API_KEYS: 'alice:alices-key-of-16-letters,short' });
    expect(given).toThrow(/API_KEYS: expected name:key/);
    expect(given).not.toThrow(/of-16-letters/);
  });

  test('all wrong variables are named at once', () => {
    expect(() => readConfig({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/PORT[^]*LOG_LEVEL/);
  });
});
