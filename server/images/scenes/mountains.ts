import { mix, n } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import { drawMist, drawPines, drawRidge, landColour } from './land.js';
import type { Mood } from './mood.js';
import type { Random } from './random.js';
import { drawBirds, drawSky } from './sky.js';

/** A hut with a lit window, small on a slope. */
const drawHut = (d: Drawing, [x, y]: Point, size: number, colour: string): void => {
  d.polygon(
    [
      [x - size * 0.5, y + size * 0.3],
      [x - size * 0.5, y - size * 0.4],
      [x, y - size * 0.85],
      [x + size * 0.5, y - size * 0.4],
      [x + size * 0.5, y + size * 0.3],
    ],
    colour,
  );
  const lamp = d.radial([
    [0, '#ffd98a', 0.55],
    [1, '#ffd98a', 0],
  ]);
  d.ellipse([x, y - size * 0.18], size * 1.3, size * 1.3, lamp);
  d.add(
    `<rect x="${n(x - size * 0.14)}" y="${n(y - size * 0.34)}" width="${n(size * 0.28)}" height="${n(size * 0.3)}" fill="#ffe3a6"/>`,
  );
};

/** Ranges one behind the other, rolling hills before them, pines in front. */
export const drawMountains = (d: Drawing, mood: Mood, random: Random): void => {
  const { height: h, unit } = d;
  const horizon = h * 0.66;
  const sun = drawSky(d, mood, random, horizon);
  const layers = 6;
  let curve = (x: number): number => x;
  for (let i = 0; i < layers; i++) {
    const nearness = (i + 0.6) / layers;
    curve = drawRidge(d, mood, random, {
      base: h * (0.62 + 0.37 * nearness ** 1.4),
      height: unit * (0.34 - 0.17 * nearness),
      frequency: 1.5 - 0.45 * nearness,
      sharpness: Math.max(0, 0.95 - 1.4 * nearness),
      nearness,
    });
    if (i === 1)
      drawBirds(d, random, [sun[0] + unit * 0.3, sun[1] + unit * 0.05], mix(mood.near, mood.haze, 0.2));
    if (i < layers - 1) {
      drawMist(d, mood.haze, [h * (0.5 + 0.4 * nearness), h * (0.66 + 0.4 * nearness)], 0.3 * (1 - nearness));
    }
    if (i === 3) {
      drawPines(d, random, curve, {
        count: 60,
        height: unit * 0.06,
        colour: landColour(mood, nearness + 0.06),
      });
    }
  }
  drawPines(d, random, curve, { count: 46, height: unit * 0.2, colour: mix(mood.near, '#000000', 0.3) });
  const x = random.between(0.3, 0.7) * d.width;
  drawHut(d, [x, curve(x)], unit * 0.032, mix(mood.near, '#000000', 0.25));
};

/** The same land under snow: pale ranges, white hills, falling flakes. */
export const drawSnow = (d: Drawing, mood: Mood, random: Random): void => {
  const { height: h, unit } = d;
  drawSky(d, mood, random, h * 0.64);
  const white = mix('#f7fafd', mood.sky[1], mood.night ? 0.55 : 0.12);
  const shade = mix(mix(mood.near, mood.haze, 0.55), white, 0.35);
  const cold: Mood = { ...mood, near: shade };
  for (let i = 0; i < 3; i++) {
    drawRidge(d, cold, random, {
      base: h * (0.66 + 0.06 * i),
      height: unit * (0.36 - 0.07 * i),
      frequency: 1.6 - 0.2 * i,
      sharpness: 0.95 - 0.2 * i,
      nearness: 0.3 + 0.25 * i,
    });
    drawMist(d, white, [h * (0.52 + 0.05 * i), h * (0.74 + 0.06 * i)], 0.5);
  }
  const dark = mix(mood.near, '#000000', 0.15);
  for (let i = 0; i < 3; i++) {
    const top = mix(white, shade, 0.28 - 0.14 * i);
    const hills: Mood = { ...mood, haze: mix(top, shade, 0.35), near: top };
    const curve = drawRidge(d, hills, random, {
      base: h * (0.8 + 0.11 * i),
      height: unit * (0.1 + 0.02 * i),
      frequency: 0.8,
      sharpness: 0,
      nearness: 0.9,
    });
    const distance = 0.55 - 0.25 * i;
    drawPines(d, random, curve, {
      count: 44 - 13 * i,
      height: unit * (0.08 + 0.075 * i),
      colour: mix(dark, mood.haze, distance),
      snow: white,
    });
  }
  for (let i = 0; i < 150; i++) {
    const size = unit * (0.0012 + 0.003 * random.next() ** 3);
    d.ellipse([random.between(0, d.width), random.between(0, h)], size, size, '#ffffff', 'opacity="0.7"');
  }
};
