import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startService, type TestService } from '../support.js';

const UNKNOWN = 'f'.repeat(32);
/** Every route that changes something, and what it answers to an empty request of nobody's page. */
const CHANGING: readonly (readonly [string, string, number])[] = [
  ['POST', '/img2vid', 400],
  ['POST', '/tasks', 400],
  ['POST', `/tasks/${UNKNOWN}/cancel`, 404],
  ['POST', `/tasks/${UNKNOWN}/rerun`, 404],
  ['DELETE', `/tasks/${UNKNOWN}`, 404],
  ['POST', '/predictions', 422],
  ['PUT', '/predictions/one', 422],
  ['POST', '/predictions/one/cancel', 404],
  ['POST', '/models/a/b/predictions', 422],
  ['POST', '/gpu/animate', 422],
  ['POST', '/api/img2video', 400],
  ['POST', '/generate', 422],
  ['POST', '/generate-video', 422],
  ['POST', '/generate-video/info', 422],
];

let service: TestService;
beforeAll(async () => {
  service = await startService({ env: { CORS_ORIGINS: 'https://friend.example' } });
});
afterAll(() => service.close());

describe.each(CHANGING)('%s %s', (method, path, answered) => {
  test.each([
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, false],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'https://friend.example.evil.example' }, false],
    [{ origin: 'http://friend.example' }, false],
    [{ origin: 'null' }, false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://behind.example' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ origin: 'https://clips.example', 'x-forwarded-host': 'clips.example' }, true],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://friend.example' }, true],
    [{}, true],
  ])('with %j: let through %s', async (headers, through) => {
    const answer = await service.call(method, path, undefined, headers);
    expect(answer.status).toBe(through ? answered : 403);
    // Each API says it in its own words.
    if (!through)
      expect(answer.body.error ?? answer.body.detail).toMatch(/^(Forbidden|A page of another origin)/);
  });

  test('of the service’s own pages is let through', async () => {
    expect((await service.call(method, path, undefined, { origin: service.url })).status).toBe(answered);
  });
});

test('reading is no change', async () => {
  expect((await service.call('GET', '/tasks', undefined, { origin: 'https://evil.example' })).status).toBe(
    200,
  );
});
