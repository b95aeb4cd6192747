import type { StoryParams } from './story-job.js';

/** What a story is asked to be. */
export interface StoryWish {
  readonly scenes: number;
  /** Without the transitions. */
  readonly secondsPerScene: number;
  readonly fps: number;
  readonly transitionFrames: number;
}

/** How long a story is. */
export interface StoryPlan {
  readonly framesPerScene: number;
  readonly totalFrames: number;
  readonly totalSeconds: number;
}

/** Works out the frames of a story: a part of a frame is dropped, and the transitions come on top of the scenes. */
export function planStory({ scenes, secondsPerScene, fps, transitionFrames }: StoryWish): StoryPlan {
  const framesPerScene = Math.trunc(secondsPerScene * fps);
  const timing = { frames_per_scene: framesPerScene, transition_frames: transitionFrames };
  const totalFrames = storyFrames(scenes, timing);
  return { framesPerScene, totalFrames, totalSeconds: totalFrames / fps };
}

/** How many frames a story of so many scenes has. */
export const storyFrames = (
  scenes: number,
  { frames_per_scene, transition_frames }: Pick<StoryParams, 'frames_per_scene' | 'transition_frames'>,
): number => scenes * frames_per_scene + (scenes - 1) * transition_frames;
