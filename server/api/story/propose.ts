import { drawSeed, type ResolvedClip } from '../../../pipeline/clip-request.js';
import { sceneClip } from '../../../pipeline/story-clip.js';
import { InvalidParameterError } from '../../../samplers/index.js';
import type { NewTask } from '../../tasks/task.js';
import type { ApiParts } from '../api-parts.js';
import { parameterFault, ruleFault, unprocessable } from '../fastapi-errors.js';
import { furtherOf } from '../further-fields.js';
import { newTaskId } from '../submit.js';
import type { AskedStory, PictureRequest, VideoRequest } from './request.js';

/** The size of the pictures of POST /generate. */
const SIDE = 512;

const STEPS_WARNING =
  'num_inference_steps has no effect: the image provider chooses the number of its steps itself';

type Proposer = Pick<ApiParts, 'manifest'>;

/** The task of POST /generate. `stepsGiven`: the client has said how many steps it wants. */
export function proposePicture(
  { manifest }: Proposer,
  request: PictureRequest,
  { stepsGiven, owner }: { readonly stepsGiven: boolean; readonly owner: string },
): NewTask {
  return {
    id: newTaskId(),
    kind: 'picture',
    source: { type: 'prompt', prompt: request.prompt },
    params: { W: SIDE, H: SIDE, seed: request.seed ?? drawSeed() },
    model: manifest.name,
    warnings: stepsGiven ? [STEPS_WARNING] : [],
    origin: { api: 'story', externalId: null, request: { ...request } },
    owner,
  };
}

/** The task of POST /generate-video. @throws ServiceError 422 where the model cannot animate scenes of this size */
export function proposeStory(
  { manifest }: Proposer,
  { request, prompts, plan }: AskedStory,
  owner: string,
): NewTask {
  const { width: W, height: H, fps, transition_frames, num_inference_steps: steps, animate } = request;
  const seed = request.seed ?? drawSeed();
  const further = furtherOf(request);
  const wish = { W, H, frames: plan.framesPerScene, fps, seed, steps, ...further };
  const clip = animate ? inStoryNames(request, () => sceneClip(wish, manifest)) : undefined;
  return {
    id: newTaskId(),
    kind: 'story',
    source: { type: 'story', scenes: prompts },
    params: {
      ...{ W, H, fps, seed, transition_frames },
      frames_per_scene: plan.framesPerScene,
      clip: clip?.params ?? null,
    },
    model: manifest.name,
    warnings: clip?.warnings ?? [
      ...(steps === undefined ? [] : [STEPS_WARNING]),
      ...Object.keys(further).map((name) => `${name} has no effect: the scenes are not animated`),
    ],
    origin: { api: 'story', externalId: null, request: { ...request } },
    owner,
  };
}

const STORY_NAMES: Readonly<Record<string, 'width' | 'height' | 'num_inference_steps' | undefined>> = {
  W: 'width',
  T: 'width', // not a single frame of this size
  H: 'height',
  steps: 'num_inference_steps',
};

/** Says what the model does not take under the name by which the client knows it. */
function inStoryNames(request: VideoRequest, resolve: () => ResolvedClip): ResolvedClip {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof InvalidParameterError)) throw error;
    const name = STORY_NAMES[error.field];
    if (!name) throw parameterFault(error);
    const allowed = error.field === 'T' ? 'a smaller size' : String(error.allowed);
    throw unprocessable([
      ruleFault([name], `where scenes are animated it must be ${allowed}`, request[name]),
    ]);
  }
}
