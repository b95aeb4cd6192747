import { startFakeServer, type FakeServer } from './fake-server.js';

const ID = '9cbeee95-93ae-4d0b-8a4f-ae9f54cc4b4f';

/** ImagineAPI under `/items/images`: a job takes three questions. `done` is merged into the finished one. */
export const startImagineApi = (
  pictures: string,
  done: Readonly<Record<string, unknown>> = {},
): Promise<FakeServer> => {
  let asked = 0;
  const blank = {
    id: ID,
    prompt: 'a fox',
    results: null,
    progress: null,
    url: null,
    error: null,
    upscaled_urls: null,
  };
  return startFakeServer(
    ({ method, path }) => {
      if (method === 'POST' && path === '/items/images/') return 'submit';
      return method === 'GET' && path === `/items/images/${ID}` ? 'poll' : 'unknown';
    },
    ({ call }) => {
      if (call === 'submit') return { json: { data: { ...blank, status: 'pending', upscaled: [] } } };
      if (call !== 'poll') return { status: 404, json: { errors: [{ message: 'Route does not exist.' }] } };
      asked += 1;
      if (asked === 1) return { json: { data: { ...blank, status: 'pending' } } };
      if (asked === 2) return { json: { data: { ...blank, status: 'in-progress', progress: 37 } } };
      const upscaled_urls = [1, 2, 3, 4].map((n) => `${pictures}/ready-${n}.png`);
      const url = `${pictures}/grid.png`;
      return {
        json: { data: { ...blank, status: 'completed', progress: 100, url, upscaled_urls, ...done } },
      };
    },
  );
};
