import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { gifOf } from '../images/hostile-files.js';
import { ask } from '../raw-request.js';
import { jsonEndpoints, UPLOADS } from './endpoints.js';
import { hostileFiles } from './files.js';
import { startHostileService, type HostileService } from './hostile-service.js';
import { HOSTILE_ADDRESSES, HOSTILE_PICTURE_TEXTS, hostileRequests } from './requests.js';

let h: HostileService;
beforeAll(async () => {
  h = await startHostileService();
});
beforeEach(() => {
  h.errors.length = 0;
});
afterAll(() => h.service.close());

describe.each(UPLOADS)('an upload to $path as $field', (endpoint) => {
  test('is taken where it is a picture, and refused with a reason where it is none', async () => {
    const files = await hostileFiles();
    const answers: Record<string, number> = {};
    const wanted: Record<string, number> = {};
    for (const file of files) {
      const { taken, refused, picky } = endpoint;
      const status = await h.upload(endpoint, file);
      answers[file.name] = status;
      wanted[file.name] = file.good && !(picky && status === refused) ? taken : refused;
    }
    expect(answers).toEqual(wanted);
    expect(h.errors).toEqual([]);
  });

  test('without a palette is taken or refused, as its decoder sees fit', async () => {
    const file = { name: 'no palette', bytes: gifOf({ screen: [2, 2], palette: false }), good: false };
    expect([endpoint.taken, endpoint.refused]).toContain(await h.upload(endpoint, file));
  });
});

const ENDPOINTS = jsonEndpoints('').map(({ method, path }, i) => [`${method} ${path}`, i] as const);

describe.each(ENDPOINTS)('%s', (_, i) => {
  test('refuses every request that is none', async () => {
    const answers: Record<string, number> = {};
    for (const request of hostileRequests(jsonEndpoints(h.task)[i])) {
      const status = await h.send(request);
      if (!request.answers.includes(status)) answers[request.name] = status;
    }
    expect(answers).toEqual({});
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(h.errors).toEqual([]);
  });

  test('still takes what is right', async () => {
    const { method, path, body } = jsonEndpoints(h.task)[i];
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(h.service.port, method, path, headers, JSON.stringify(body));
    expect(answer.status).toBeLessThan(300);
  });
});

const WITH_PICTURES = ENDPOINTS.filter(([, i]) => jsonEndpoints('')[i].withPicture);

describe.each(WITH_PICTURES)('a picture in %s', (_, i) => {
  test('is refused where it is none', async () => {
    const endpoint = jsonEndpoints(h.task)[i];
    for (const text of HOSTILE_PICTURE_TEXTS) {
      const status = await h.sendText(endpoint, text);
      expect([text, [endpoint.refused, endpoint.refusedPicture].includes(status), status]).toEqual([
        text,
        true,
        status,
      ]);
    }
    expect(h.errors).toEqual([]);
  });

  test('is not fetched from where nobody may', async () => {
    const { method, path, withPicture, refused, refusedPicture } = jsonEndpoints(h.task)[i];
    for (const address of HOSTILE_ADDRESSES) {
      const { status, body } = await h.service.call(method, path, withPicture?.(address));
      if ([refused, refusedPicture].includes(status)) continue;
      const { error } = await h.service.ended(String(body.id));
      expect([address, error?.code]).toEqual([address, expect.stringMatching(/^url_(refused|invalid)$/)]);
    }
    expect(h.dialled).toEqual([]);
  });
});
