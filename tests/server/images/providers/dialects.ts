import type { RemoteProviderSettings } from '../../../../server/images/providers/settings.js';
import { startImagineApi } from './fake-imagineapi.js';
import { startMidjourneyProxy } from './fake-midjourney-proxy.js';
import { startOpenAi } from './fake-openai.js';
import { READY, UPSCALED } from './fake-pictures.js';
import type { FakeServer, Reply } from './fake-server.js';
import { startThenextleg } from './fake-thenextleg.js';

export interface Dialect {
  readonly name: RemoteProviderSettings['name'];
  readonly start: (pictures: string) => Promise<FakeServer>;
  readonly path: string;
  readonly makes: string;
  /** False where one call does it all. */
  readonly polls: boolean;
  /** Requests of a run without trouble, by kind. */
  readonly calls: readonly string[];
  /** How a submission is answered for a prompt with the banned word "gore", and while the queue is full. */
  readonly banned: Reply;
  readonly full: Reply;
}

const four = (pictures: string): string[] => [1, 2, 3, 4].map((n) => `${pictures}/ready-${n}.png`);

export const DIALECTS: readonly Dialect[] = [
  {
    name: 'thenextleg',
    start: (pictures) => startThenextleg(pictures, { imageUrls: four(pictures) }),
    path: '/v2',
    makes: `blue ${READY}`,
    polls: true,
    calls: ['submit', 'poll', 'poll', 'poll'],
    banned: { status: 400, json: { success: false, msg: "Invalid phrase: 'gore'" } },
    full: { status: 503, json: { success: false, msg: 'Busy' } },
  },
  {
    name: 'midjourney-proxy',
    start: (pictures) => startMidjourneyProxy(pictures),
    path: '',
    makes: `blue ${UPSCALED}`,
    polls: true,
    calls: ['submit', 'poll', 'poll', 'poll', 'poll', 'upscale', 'poll', 'poll'],
    banned: { json: { code: 24, description: 'banned', properties: { bannedWord: 'gore' } } },
    full: { json: { code: 23, description: 'The queue is full' } },
  },
  {
    name: 'imagineapi',
    start: (pictures) => startImagineApi(pictures),
    path: '',
    makes: `blue ${READY}`,
    polls: true,
    calls: ['submit', 'poll', 'poll', 'poll'],
    banned: { status: 400, json: { errors: [{ message: 'Prompt contains a banned word: "gore"' }] } },
    full: { status: 503, json: { errors: [{ message: 'Busy' }] } },
  },
  {
    name: 'openai',
    start: (pictures) => startOpenAi(pictures),
    path: '/v1',
    makes: `blue ${READY}`,
    polls: false,
    calls: ['submit'],
    banned: { status: 400, json: { error: { message: 'no', code: 'moderation_blocked' } } },
    full: { status: 503, json: { error: { message: 'overloaded' } } },
  },
];
