import { mix } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import { drawMist, drawPines, drawRidge } from './land.js';
import type { Mood } from './mood.js';
import type { Random } from './random.js';
import { drawBirds, drawSky } from './sky.js';

/** Shafts of light fanning out from the sun through the trees. */
const drawShafts = (d: Drawing, mood: Mood, random: Random, [x, y]: Point): void => {
  const fill = d.linear([
    [0, mood.light, 0.13],
    [1, mood.light, 0],
  ]);
  for (let i = 0; i < 7; i++) {
    const lean = random.between(-0.9, 0.9) * d.unit;
    const wide = random.between(0.03, 0.1) * d.unit;
    const foot = d.height * random.between(0.8, 1);
    d.polygon(
      [
        [x - wide * 0.15, y],
        [x + wide * 0.15, y],
        [x + lean + wide, foot],
        [x + lean - wide, foot],
      ],
      fill,
    );
  }
};

/** Floating specks that catch the light: fireflies by night, pollen by day. */
const drawSpecks = (d: Drawing, mood: Mood, random: Random): void => {
  const colour = mood.night ? '#ffe88a' : mood.light;
  const glow = d.radial([
    [0, colour, 0.8],
    [0.25, colour, 0.35],
    [1, colour, 0],
  ]);
  for (let i = 0; i < 42; i++) {
    const size = d.unit * random.between(0.003, 0.011);
    d.ellipse([random.between(0, d.width), d.height * random.between(0.45, 0.95)], size, size, glow);
  }
};

/** Row behind row of pines in the mist, a light behind them. */
export const drawForest = (d: Drawing, mood: Mood, random: Random): void => {
  const { height: h, unit } = d;
  const sun = drawSky(d, mood, random, h * 0.74);
  drawRidge(d, mood, random, {
    base: h * 0.62,
    height: unit * 0.26,
    frequency: 1.2,
    sharpness: 0.7,
    nearness: 0.14,
  });
  if (!mood.night) drawBirds(d, random, [sun[0], sun[1] + unit * 0.12], mix(mood.near, mood.haze, 0.4));
  const rows = 6;
  for (let row = 0; row < rows; row++) {
    const nearness = (row + 1) / rows;
    const colour = mix(mood.haze, mix(mood.near, '#000000', 0.35 * nearness), 0.16 + 0.84 * nearness ** 1.15);
    const floor = h * (0.58 + 0.4 * nearness ** 1.2);
    const curve = drawRidge(d, { ...mood, near: colour }, random, {
      base: floor + unit * 0.05,
      height: unit * 0.1,
      frequency: 0.7,
      sharpness: 0,
      nearness: 1,
    });
    drawPines(d, random, curve, {
      count: Math.round((64 - 46 * nearness) * (d.width / d.unit) * 0.8),
      height: unit * (0.13 + 0.42 * nearness ** 1.5),
      colour,
    });
    if (row < rows - 1) {
      drawMist(
        d,
        mix(mood.haze, mood.sky[2], 0.5),
        [floor - unit * 0.16, floor + unit * 0.12],
        0.5 * (1 - nearness),
      );
    }
    if (row === 2 && !mood.night) drawShafts(d, mood, random, sun);
  }
  drawSpecks(d, mood, random);
};
