import { startFakeServer, type FakeServer, type Reply } from './fake-server.js';

export interface ThenextlegResult {
  readonly shape?: 'flat' | 'nested';
  readonly imageUrls?: readonly string[];
  readonly imageUrl?: string;
  readonly buttons?: readonly string[];
}

/** TheNextLeg's API under `/v2`: a job takes three questions, a button's two. */
export const startThenextleg = (pictures: string, result: ThenextlegResult = {}): Promise<FakeServer> => {
  const asked = new Map<string, number>();
  const done = (id: string): Reply => {
    const upscaled = /^up-(\d)$/.exec(id)?.[1];
    const fields = {
      createdAt: '2023-04-04T13:07:01.927Z',
      buttons: upscaled
        ? ['Make Variations', 'Light Upscale Redo']
        : (result.buttons ?? ['U1', 'U2', 'U3', 'U4', '🔄', 'V1', 'V2', 'V3', 'V4']),
      imageUrl: upscaled
        ? `${pictures}/upscaled-${upscaled}.png`
        : (result.imageUrl ?? `${pictures}/grid.png`),
      ...(upscaled || !result.imageUrls ? {} : { imageUrls: result.imageUrls }),
      buttonMessageId: 'button-message-1',
      originatingMessageId: id,
      content: 'a fox',
      ref: '',
      responseAt: '2023-04-04T13:08:01.927Z',
    };
    return {
      json:
        result.shape === 'nested'
          ? { progress: 100, progressImageUrl: null, response: fields }
          : { progress: 100, ...fields },
    };
  };
  return startFakeServer(
    ({ method, path }) => {
      if (method === 'POST' && path === '/v2/imagine') return 'submit';
      if (method === 'POST' && path === '/v2/button') return 'upscale';
      if (method === 'POST' && path === '/getImage') return 'rescue';
      return /^\/v2\/message\//.test(path) ? 'poll' : 'unknown';
    },
    ({ call, path, body }) => {
      if (call === 'submit') return { json: { success: true, messageId: 'job_1-A', createdAt: 'now' } };
      if (call === 'upscale')
        return { json: { success: true, messageId: `up-${String(body.button).slice(1)}` } };
      if (call !== 'poll') return { status: 404, json: { message: 'no such route' } };
      const id = decodeURIComponent(path.split('/')[3].split('?')[0]);
      const times = (asked.get(id) ?? 0) + 1;
      asked.set(id, times);
      if (id === 'job_1-A') {
        if (times === 1) return { json: { progress: 0 } };
        if (times === 2) return { json: { progress: 37, progressImageUrl: null } };
        return done(id);
      }
      return times === 1 ? { json: { progress: 50 } } : done(id);
    },
  );
};
