import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type Koa from 'koa';

/**
 * Lets a Koa app answer a server's requests. A client that asks before it sends its body (`Expect: 100-continue`, as
 * curl does for large uploads) is told to go on only when something begins to read: a refusal comes before the upload.
 */
export function listener(server: Server, app: Koa): Server {
  const answer = app.callback() as (request: IncomingMessage, response: ServerResponse) => void;
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    // The stages of an answer that is a stream wait for its end, each for itself: more than Node takes for usual.
    response.setMaxListeners(30);
    answer(request, response);
  };
  server.on('request', handle);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const onListener = (event: string | symbol): void => {
      if (event !== 'data' && event !== 'readable') return;
      request.off('newListener', onListener);
      response.writeContinue();
    };
    request.on('newListener', onListener);
    handle(request, response);
  });
  return server;
}
