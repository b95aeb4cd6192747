import { plain, READY } from './fake-pictures.js';
import { startFakeServer, type FakeServer } from './fake-server.js';

/** OpenAI's images API under `/v1`. With `pictures` it answers with an address there, as the dall-e models do. */
export const startOpenAi = async (pictures?: string): Promise<FakeServer> => {
  const b64_json = (await plain('blue', READY)).toString('base64');
  return startFakeServer(
    ({ method, path }) => (method === 'POST' && path === '/v1/images/generations' ? 'submit' : 'unknown'),
    ({ call }) =>
      call === 'submit'
        ? {
            json: {
              created: 1713833628,
              data: [
                pictures === undefined
                  ? { b64_json }
                  : { url: `${pictures}/ready-3.png`, revised_prompt: 'x' },
              ],
              usage: { total_tokens: 100 },
            },
          }
        : { status: 404, json: { error: { message: 'Unknown request URL', code: 'unknown_url' } } },
  );
};
