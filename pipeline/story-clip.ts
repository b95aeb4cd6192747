import { resolveClip, type ResolvedClip } from './clip-request.js';
import type { ModelManifest } from './manifest.js';

export interface SceneClipWish {
  readonly W: number;
  readonly H: number;
  /** The frames that the scene has in the video. */
  readonly frames: number;
  /** The frame rate of the video. */
  readonly fps: number;
  readonly seed: number;
  /** Other fields of the clip; what is left out is the recipe's. */
  readonly [clipField: string]: unknown;
}

/**
 * The clip that fills a scene. The embedded model is exact at any length and makes the scene's own frames as far as its
 * limits go. A trained one makes as many as it was trained for, which are then spread over the scene; it is told the frame
 * rate at which that leaves them.
 *
 * @throws InvalidParameterError where the model cannot be run at this size or as the other fields say
 */
export function sceneClip({ frames, fps, ...wish }: SceneClipWish, manifest: ModelManifest): ResolvedClip {
  const { limits, recipe, family } = manifest;
  const longest = family === 'kenburns' ? limits.T : recipe.T;
  const room = Math.floor(limits.pixels / (wish.W * wish.H));
  const T = Math.max(1, Math.min(frames, longest, room));
  const rate = Math.min(120, Math.max(1, Math.round((fps * T) / frames)));
  return resolveClip({ ...wish, T, fps: rate }, manifest);
}
