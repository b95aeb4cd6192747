import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readConfig } from '../../../server/config.js';
import { parseSecrets, sign } from '../../../server/webhooks/signature.js';
import { verify } from './verify.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const keys = (text: string): Buffer[] => parseSecrets(text) ?? [];

test('the published vector is met', () => {
  const signature = sign(keys(SECRET), 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
  expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('what is signed is accepted by a receiver, whatever the letters; what was changed is not', () => {
  const now = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ type: 'task.completed', data: { prompt: 'ein Füchslein 🦊\u2028' } });
  const headers = {
    'webhook-id': 'task_1',
    'webhook-timestamp': String(now),
    'webhook-signature': sign(keys(SECRET), 'task_1', now, body),
  };
  expect(verify(SECRET, body, headers)).toEqual(JSON.parse(body));
  expect(() => verify(SECRET, `${body} `, headers)).toThrow('No signature fits');
  expect(() => verify(SECRET, body, { ...headers, 'webhook-id': 'task_2' })).toThrow('No signature fits');
  const stale = { ...headers, 'webhook-timestamp': String(now - 301) };
  expect(() => verify(SECRET, body, stale)).toThrow('The time is off');
});

test('while secrets change, receivers with either are content', () => {
  const other = `whsec_${randomBytes(32).toString('base64')}`;
  const now = Math.floor(Date.now() / 1000);
  const headers = {
    'webhook-id': 'a',
    'webhook-timestamp': String(now),
    'webhook-signature': sign(keys(`${other} ${SECRET}`), 'a', now, '{}'),
  };
  for (const secret of [SECRET, other]) verify(secret, '{}', headers);
});

describe('a secret', () => {
  const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 'key').toString('base64')}`;

  test.each([24, 32, 64])('of %i bytes is good', (bytes) => {
    expect(parseSecrets(of(bytes))?.[0]).toHaveLength(bytes);
  });

  test.each([
    ['', 'no secret'],
    [of(23), 'too short'],
    [of(65), 'too long'],
    [of(32).slice(6), 'without its beginning'],
    [`${of(32)}, ${of(32)}`, 'with a comma'],
    ['whsec_not base64 at all, but long enough for it', 'no base64'],
  ])('such as %j is refused: %s', (text) => {
    expect(parseSecrets(text)).toBeUndefined();
  });

  test('that is wrong is not repeated by the configuration’s error', () => {
    const wrong = 'whsec_short';
    expect(() => readConfig({ WEBHOOK_SECRET: wrong })).toThrow(/WEBHOOK_SECRET: expected whsec_/);
    expect(() => readConfig({ WEBHOOK_SECRET: wrong })).not.toThrow(/short/);
    expect(readConfig({ WEBHOOK_SECRET: SECRET }).webhooks.keys).toEqual(keys(SECRET));
    expect(readConfig({}).webhooks).toEqual({ keys: [], allowedOrigins: [] });
  });

  test('is not the only setting: origins that may be private are named as origins, and as nothing else', () => {
    const list = 'http://10.0.0.5:8080, https://hooks.example';
    expect(readConfig({ WEBHOOK_ALLOW_ORIGINS: list }).webhooks.allowedOrigins).toEqual([
      'http://10.0.0.5:8080',
      'https://hooks.example',
    ]);
    for (const wrong of ['10.0.0.5', 'ftp://a.example', 'https://a.example/hook', 'https://u:p@a.example']) {
      expect(() => readConfig({ WEBHOOK_ALLOW_ORIGINS: wrong })).toThrow(/WEBHOOK_ALLOW_ORIGINS: expected/);
    }
  });
});
