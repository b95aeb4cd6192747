import { describe, expect, test } from '@jest/globals';
import { withAspectRatio } from '../../../../server/images/providers/aspect-ratio.js';

describe('the aspect ratio of a prompt', () => {
  test.each([
    [1024, 576, '16:9'],
    [576, 1024, '9:16'],
    [512, 288, '16:9'],
    [640, 640, '1:1'],
    [768, 512, '3:2'],
    [1000, 576, '125:72'],
  ])('%i x %i is %s', (width, height, ratio) => {
    expect(withAspectRatio('a fox', width, height)).toBe(`a fox --ar ${ratio}`);
  });

  test.each(['a fox --ar 1:1', '--AR 4:3 a fox', 'a fox --aspect 4:3', 'a fox —ar 4:3', 'fox\n--ar 2:3'])(
    '%j keeps its own',
    (prompt) => {
      expect(withAspectRatio(prompt, 1024, 576)).toBe(prompt);
    },
  );

  test.each(['a--ar', 'a fox --art deco', 'a fox --argon', 'ar 4:3'])('%j has none of its own', (prompt) => {
    expect(withAspectRatio(prompt, 1024, 576)).toBe(`${prompt} --ar 16:9`);
  });
});
