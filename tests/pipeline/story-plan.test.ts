import { expect, test } from '@jest/globals';
import { planStory } from '../../pipeline/story-plan.js';

test.each([
  // The table of the story API's documentation.
  [3, 3.0, 24, 12, 72, 240, 10],
  [3, 4.0, 30, 12, 120, 384, 12.8],
  [3, 5.0, 24, 15, 120, 390, 16.25],
  [5, 4.0, 30, 12, 120, 648, 21.6],
  [2, 0.29, 100, 0, 28, 56, 0.56], // 0.29 · 100 is a little less than 29
  // The ends of what is allowed.
  [2, 1 / 24, 24, 0, 1, 2, 2 / 24],
  [2, 0.04, 24, 12, 0, 12, 0.5],
  [2, 1, 1, 1000, 1, 1002, 1002],
])(
  '%d scenes of %d s at %d fps with transitions of %d: %d frames each, %d in all, %d s',
  (scenes, secondsPerScene, fps, transitionFrames, framesPerScene, totalFrames, totalSeconds) => {
    expect(planStory({ scenes, secondsPerScene, fps, transitionFrames })).toEqual({
      framesPerScene,
      totalFrames,
      totalSeconds,
    });
  },
);
