import { startFakeServer, type FakeServer } from './fake-server.js';

export interface MidjourneyProxyBehaviour {
  /** The original upscales by `change`, trueai by buttons. */
  readonly fork?: 'novicezk' | 'trueai';
  /** Merged into the finished task. */
  readonly task?: Readonly<Record<string, unknown>>;
}

const buttonsOf = (): unknown[] =>
  ['U1', 'U2', 'U3', 'U4', 'V1'].map((label, i) => ({
    customId: label.startsWith('U')
      ? `MJ::JOB::upsample::${i + 1}::c76f-11`
      : 'MJ::JOB::variation::1::c76f-11',
    emoji: '',
    label,
    type: 2,
    style: 2,
  }));

/** The `/mj` API: a task takes four questions, an upscale two. */
export const startMidjourneyProxy = (
  pictures: string,
  { fork = 'novicezk', task = {} }: MidjourneyProxyBehaviour = {},
): Promise<FakeServer> => {
  const asked = new Map<string, number>();
  const submitted = (result: string): { json: unknown } => ({
    json: { code: 1, description: 'Submit success', result, properties: { discordInstanceId: '118' } },
  });
  return startFakeServer(
    ({ method, path }) => {
      if (method === 'POST' && path === '/mj/submit/imagine') return 'submit';
      if (method === 'POST' && /^\/mj\/submit\/(?:change|action)$/.test(path)) return 'upscale';
      if (method === 'POST' && /^\/mj\/task\/[^/]+\/cancel$/.test(path)) return 'cancel';
      return /^\/mj\/task\/[^/]+\/fetch$/.test(path) ? 'poll' : 'unknown';
    },
    ({ call, path, body }) => {
      if (call === 'submit') return submitted('1320098173412546');
      if (call === 'upscale') {
        if (fork === 'novicezk' && path.endsWith('/change')) return submitted(`up-${body.index}`);
        const index = /::upsample::(\d)::/.exec(String(body.customId))?.[1];
        if (fork === 'trueai' && path.endsWith('/action') && index) return submitted(`up-${index}`);
      }
      if (call === 'cancel' && fork === 'trueai')
        return { json: { code: 1, description: '成功', result: path } };
      if (call !== 'poll' || path.includes('unknown')) return { status: 404, body: '' };
      const id = path.split('/')[3];
      const times = (asked.get(id) ?? 0) + 1;
      asked.set(id, times);
      const index = /^up-(\d)$/.exec(id)?.[1];
      const step = index ? times + 2 : times;
      const base = {
        id,
        action: index ? 'UPSCALE' : 'IMAGINE',
        prompt: 'a fox',
        promptEn: 'a fox',
        failReason: null,
      };
      if (step === 1) return { json: { ...base, status: 'SUBMITTED', progress: '0%', imageUrl: null } };
      if (step === 2) return { json: { ...base, status: 'IN_PROGRESS', progress: '37%', imageUrl: null } };
      if (step === 3) return { json: { ...base, status: 'IN_PROGRESS', progress: '80%', imageUrl: null } };
      const main = `${pictures}/${index ? `upscaled-${index}` : 'grid'}.png`;
      const buttons = fork === 'trueai' && !index ? { buttons: buttonsOf() } : {};
      const more = index ? {} : task;
      return { json: { ...base, status: 'SUCCESS', progress: '100%', imageUrl: main, ...buttons, ...more } };
    },
  );
};
