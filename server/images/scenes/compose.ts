import { drawCity } from './city.js';
import { drawDesert } from './desert.js';
import { Drawing } from './drawing.js';
import { drawForest } from './forest.js';
import { drawMountains, drawSnow } from './mountains.js';
import { createRandom } from './random.js';
import type { Random } from './random.js';
import { drawSea } from './sea.js';
import { drawSpace } from './space.js';
import { chooseTheme } from './theme.js';
import type { SceneKind, Theme } from './theme.js';

const SCENES: Readonly<Record<SceneKind, (d: Drawing, theme: Theme, random: Random) => void>> = {
  mountains: (d, { mood }, random) => drawMountains(d, mood, random),
  sea: drawSea,
  city: (d, { mood }, random) => drawCity(d, mood, random),
  space: (d, { mood }, random) => drawSpace(d, mood, random),
  forest: (d, { mood }, random) => drawForest(d, mood, random),
  desert: (d, { mood }, random) => drawDesert(d, mood, random),
  snow: (d, { mood }, random) => drawSnow(d, mood, random),
};

/**
 * The scene a prompt asks for, as an SVG of `width` × `height` pixels: what it shows and in which light comes from the
 * prompt's words or else its hash, where everything stands from its hash and the seed. None of the prompt's text is in it.
 */
export const composeScene = (prompt: string, seed: number, width: number, height: number): string => {
  const theme = chooseTheme(prompt);
  const drawing = new Drawing(width, height);
  SCENES[theme.kind](drawing, theme, createRandom(`${seed}\n${prompt}`));
  return drawing.toSvg();
};
