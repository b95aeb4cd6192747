import { dataUrlHead, decodeBase64 } from '../../images/base64.js';
import type { TaskSource, WebhookEvent } from '../../tasks/task.js';
import type { Proposal } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { unprocessable } from '../fastapi-errors.js';
import { propose } from '../submit.js';
import { clipOfInput, inCogsName, type CogInput } from './input.js';
import type { KeptRequest } from './prediction.js';
import { COG_EVENTS, type PredictionRequest } from './request.js';

/** What is known of a request besides its body. */
export interface Asking {
  readonly owner: string;
  /** The id that the client gave the prediction. */
  readonly externalId: string | null;
  /** The model that a request in Replicate's form names. */
  readonly model?: string | undefined;
}

/** The task that a prediction comes to. @throws ServiceError, InvalidParameterError naming the field */
export async function proposePrediction(
  parts: ApiParts,
  request: PredictionRequest,
  { owner, externalId, model }: Asking,
): Promise<Proposal> {
  const { input, version = null, created_at = null } = request;
  const { warnings: ofSource, ...picture } = pictureOf(input);
  const { fields: clip, warnings: ofClip } = clipOfInput(input, parts.manifest);
  const { webhook, warnings: ofWebhook } = await readWebhook(parts, request);
  const kept: KeptRequest = { input: echo(input), version, created_at };
  const warnings = [
    ...modelNote(model ?? version, parts.manifest.name),
    ...unknownNote(request.unknown),
    ...ofSource,
    ...ofClip,
    ...ofWebhook,
  ];
  const asked = { ...picture, clip, imageIndex: input.image_index, warnings };
  const origin = { api: 'cog', externalId, request: { ...kept } } as const;
  try {
    return await propose(parts, asked, { webhook, owner, origin });
  } catch (error) {
    throw inCogsName(error, input);
  }
}

interface Picture {
  readonly source: TaskSource;
  readonly picture?: Buffer;
  readonly warnings: readonly string[];
}

function pictureOf({ image, prompt }: CogInput): Picture {
  if (image === undefined || image === '') {
    if (prompt !== undefined) return { source: { type: 'prompt', prompt }, warnings: [] };
    const msg = 'field required: a picture as a data URL or an http(s) address, or `prompt` instead';
    throw unprocessable([{ loc: ['body', 'input', 'image'], msg, type: 'value_error.missing' }]);
  }
  const warnings = prompt === undefined ? [] : ['prompt is not used, because image is given'];
  if (dataUrlHead(image) === undefined) return { source: { type: 'image_url', image_url: image }, warnings };
  const picture = decodeBase64(image);
  if (picture) return { source: { type: 'upload' }, picture, warnings };
  const msg = 'The data of the data URL is not base64';
  throw unprocessable([{ loc: ['body', 'input', 'image'], msg, type: 'value_error' }]);
}

/** The output is there when the prediction ends, and its logs grow with its progress. */
const EVENTS: Readonly<Record<(typeof COG_EVENTS)[number], WebhookEvent>> = {
  start: 'start',
  logs: 'progress',
  output: 'completed',
  completed: 'completed',
};

function readWebhook(
  { readWebhook: read }: ApiParts,
  { webhook, webhook_events_filter: filter }: PredictionRequest,
): ReturnType<ApiParts['readWebhook']> {
  const wanted = filter ?? (webhook ? COG_EVENTS : undefined);
  return read(webhook, wanted && [...new Set(wanted.map((event) => EVENTS[event]))]);
}

/** The input as answers repeat it: of a picture's data only how it begins. */
function echo(input: CogInput): Readonly<Record<string, unknown>> {
  const head = input.image === undefined ? undefined : dataUrlHead(input.image);
  return head === undefined ? input : { ...input, image: `${head}…` };
}

const LONGEST_NAME = 100;
const MOST_NAMES = 10;

const modelNote = (asked: string | null, runs: string): string[] =>
  asked === null
    ? []
    : [`The request names the model ${asked.slice(0, LONGEST_NAME)}; this service runs ${runs}`];

function unknownNote(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, MOST_NAMES).map((name) => name.slice(0, LONGEST_NAME));
  const more = names.length - shown.length;
  return [
    `Not used, because there are no such input fields: ${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`,
  ];
}
