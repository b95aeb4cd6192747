import { mix } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import type { Mood } from './mood.js';
import { createNoise } from './random.js';
import type { Random } from './random.js';

/** A line of hills: where it stands, how high it reaches, how rugged it is, how near it seems. */
export interface Ridge {
  /** Pixels from the top to the foot. */
  readonly base: number;
  /** Pixels from foot to peak. */
  readonly height: number;
  /** Hills across a unit of width. */
  readonly frequency: number;
  /** Rolling at 0, pointed at 1. */
  readonly sharpness: number;
  /** 0 at the horizon, 1 at the viewer's feet. */
  readonly nearness: number;
}

/** The colour of land at a distance: it fades into the haze. */
export const landColour = ({ haze, near }: Mood, nearness: number): string =>
  mix(haze, near, nearness ** 0.8);

/** Draws a ridge, misty at its foot, and gives its curve. */
export const drawRidge = (d: Drawing, mood: Mood, random: Random, ridge: Ridge): ((x: number) => number) => {
  const rolling = createNoise(random, 4);
  const pointed = createNoise(random, 5);
  const curve = (x: number): number => {
    const at = (x / d.unit) * ridge.frequency;
    const soft = 0.5 + 0.5 * rolling(at);
    const sharp = 1 - Math.abs(pointed(at));
    const share = soft + (sharp ** 2.2 - soft) * ridge.sharpness;
    return ridge.base - ridge.height * share;
  };
  const colour = landColour(mood, ridge.nearness);
  const foot = mix(colour, mood.haze, 0.55 * (1 - ridge.nearness));
  d.below(
    curve,
    d.linear([
      [0, colour],
      [0.55, foot],
      [1, foot],
    ]),
  );
  return curve;
};

/** Mist that gathers at a height. */
export const drawMist = (
  d: Drawing,
  colour: string,
  [top, bottom]: readonly [number, number],
  opacity: number,
): void => {
  const fill = d.linear([
    [0, colour, 0],
    [0.6, colour, opacity],
    [1, colour, 0],
  ]);
  d.band(top, bottom, fill);
};

/** A pine's outline, its foot at `at`. */
export const pineOutline = (random: Random, [x, y]: Point, height: number): readonly Point[] => {
  const tiers = 7;
  const left: Point[] = [];
  const right: Point[] = [];
  for (let tier = 1; tier <= tiers; tier++) {
    const top = y - height * (1 - (tier - 0.35) / (tiers + 0.6));
    const spread = height * 0.21 * (tier / tiers) * random.between(0.82, 1.12);
    const inner = spread * 0.5;
    left.push([x - spread, top], [x - inner, top - height * 0.018]);
    right.push([x + spread, top + height * random.between(-0.012, 0.012)], [x + inner, top - height * 0.018]);
  }
  const trunk = height * 0.022;
  return [[x, y - height], ...right, [x + trunk, y], [x - trunk, y], ...left.reverse()];
};

/** A row of pines along a curve, denser at its ends than where the view opens. */
export const drawPines = (
  d: Drawing,
  random: Random,
  curve: (x: number) => number,
  { count, height, colour, snow }: { count: number; height: number; colour: string; snow?: string },
): void => {
  for (let i = 0; i < count; i++) {
    const x = random.between(-0.02, 1.02) * d.width;
    const tall = height * random.between(0.5, 1) * (0.65 + 0.7 * Math.abs(x / d.width - 0.5));
    const outline = pineOutline(random, [x, curve(x) + tall * 0.04], tall);
    d.polygon(outline, colour);
    if (snow !== undefined) {
      const lit = outline.map(([px, py]): Point => [x + (px - x) * 0.62 - tall * 0.02, py - tall * 0.015]);
      d.polygon(lit, snow, 'opacity="0.5"');
    }
  }
};
