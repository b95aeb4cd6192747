import { describe, expect, test } from '@jest/globals';
import { createLog, secretsOf, type LogOptions } from '../../../server/telemetry/log.js';

const KEY = 'sk-very-secret-0123456789';

const logged = (
  write: (log: ReturnType<typeof createLog>) => void,
  options: Partial<LogOptions> = {},
): string => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLog({ level: 'debug', secrets: [KEY], prompts: false, ...options }, destination));
  return lines.join('');
};

describe('the secrets of an environment', () => {
  test.each([
    [{ IMAGE_PROVIDER_KEY: KEY }, KEY],
    [{ API_KEYS: `short:1,phone:${KEY}` }, KEY],
    [{ API_KEYS: `customer-a:other-key-0001,phone:${KEY}` }, 'other-key-0001'],
    [{ WEBHOOK_SECRET: `whsec_${KEY}==` }, `whsec_${KEY}==`],
    [{ HF_TOKEN: KEY }, KEY],
    [{ DATABASE_PASSWORD: KEY }, KEY],
  ])('%j', (env, secret) => {
    expect(secretsOf(env)).toContain(secret);
  });

  test('are no ordinary words and no other variables', () => {
    const others = {
      HOST: 'localhost.example',
      ADMIN_KEYS: 'customer-a',
      API_KEYS_FILE: '/run/secrets/keys',
    };
    expect(secretsOf({ ...others, HF_TOKEN: 'short' })).toEqual([]);
  });

  test('are not the names of those who hold keys: the log says who sends a request', () => {
    const secrets = secretsOf({ API_KEYS: `customer-a:${KEY}` });
    const text = logged((log) => log.info({ caller: 'customer-a', key: KEY }), { secrets });
    expect(JSON.parse(text)).toMatchObject({ caller: 'customer-a', key: '[secret]' });
  });

  test('are hidden whole where one is the beginning of another', () => {
    const secrets = secretsOf({ A_KEY: 'secret-12', B_KEY: 'secret-12345678' });
    expect(logged((log) => log.info({ words: 'secret-12345678 secret-12' }), { secrets })).not.toMatch(
      /secret-1|5678/,
    );
  });
});

describe('a line of the log', () => {
  test('shows no secret, wherever it stands', () => {
    const error = new Error(`refused ${KEY}`, { cause: new Error(`because of ${KEY}`) });
    const text = logged((log) => {
      log.info({ headers: { authorization: `Bearer ${KEY}`, 'x-api-key': KEY } }, `started with ${KEY}`);
      log.error({ err: error, deep: { list: [KEY] } }, 'failed');
      log.child({ key: KEY }).warn('from a child');
    });
    expect(text).not.toContain(KEY);
    expect(text.split('\n').filter((line) => line.includes('[secret]'))).toHaveLength(3);
  });

  test('shows no secret that JSON writes otherwise', () => {
    const secret = 'quote"and\\slash';
    const text = logged((log) => log.info({ secret }), { secrets: [secret] });
    expect(JSON.parse(text)).toMatchObject({ secret: '[secret]' });
  });

  test('shows of an error its words, and nothing that a library hung on it', () => {
    const error = Object.assign(new Error('Request failed'), {
      code: 'ECONNRESET',
      config: { headers: { Authorization: 'Bearer something unknown' }, data: 'a prompt' },
      request: { path: '/v1' },
    });
    const line = JSON.parse(logged((log) => log.error({ err: error, cause: error }, 'failed'))) as {
      err: Record<string, unknown>;
    };
    expect(Object.keys(line.err).sort()).toEqual(['code', 'message', 'stack', 'type']);
    expect(JSON.stringify(line)).not.toMatch(/unknown|prompt/);
  });

  test('shows of an address neither credentials nor query', () => {
    const text = logged((log) => {
      log.warn(
        { url: 'https://user:pass@cdn.example/a.png?token=abc&x=1#top' },
        'see http://b.example/?q=fox now',
      );
    });
    expect(JSON.parse(text)).toMatchObject({
      url: 'https://cdn.example/a.png?…#top',
      msg: 'see http://b.example/?… now',
    });
  });

  test('shows queries where prompts are asked for, credentials never', () => {
    const text = logged((log) => log.info({ url: 'https://user:pass@cdn.example/a.png?token=abc' }), {
      prompts: true,
    });
    expect(JSON.parse(text)).toMatchObject({ url: 'https://cdn.example/a.png?token=abc' });
  });

  test('stays one line of JSON, whatever is written', () => {
    const text = logged((log) =>
      log.info({ a: 'x\n{"level":60}\u2028"', b: 'https://a.example/"?\\"' }, 'm\r\nn'),
    );
    expect(text.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(text)).toMatchObject({ a: 'x\n{"level":60}\u2028"', msg: 'm\r\nn' });
  });
});
