import { describe, expect, test } from '@jest/globals';
import { isAbsolute } from 'node:path';
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
    expect(readConfig({}).retention).toEqual({});
    expect(readConfig({ KEEP_DAYS: '0.5', MAX_MEDIA_GB: '1.5' }).retention).toEqual({
      keepMs: 12 * 3_600_000,
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
  ])('%s=%s is refused by name', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(`${name}=${value}`);
  });

  test('all wrong variables are named at once', () => {
    expect(() => readConfig({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/PORT[^]*LOG_LEVEL/);
  });
});
