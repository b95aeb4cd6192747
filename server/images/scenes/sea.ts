import { mix, n } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import { drawRidge } from './land.js';
import type { Mood } from './mood.js';
import type { Random } from './random.js';
import type { Theme } from './theme.js';
import { drawBirds, drawSky } from './sky.js';

/** Water below a horizon: the sky mirrored and darkened, swell, and the light's path towards the viewer. */
export const drawWater = (d: Drawing, mood: Mood, random: Random, horizon: number, lightX: number): void => {
  const depth = d.height - horizon;
  const [high, middle, low] = mood.sky;
  const deep = mix(high, mood.near, 0.45);
  d.band(
    horizon,
    d.height,
    d.linear([
      [0, mix(low, mood.haze, 0.5)],
      [0.1, mix(middle, low, 0.35)],
      [0.45, mix(middle, deep, 0.6)],
      [1, deep],
    ]),
  );
  const streaks = 420;
  for (let i = 0; i < streaks; i++) {
    // Squared: streaks crowd towards the horizon as distance does.
    const t = (i / streaks) ** 2;
    const y = horizon + depth * (t + 0.004);
    const wide = d.unit * (0.02 + 0.16 * t) * random.between(0.4, 1.3);
    const thin = d.unit * (0.0007 + 0.005 * t) * random.between(0.5, 1.2);
    const bright = random.chance(0.45);
    const colour = bright ? mix(low, mood.light, 0.2) : deep;
    const opacity = (bright ? 0.16 : 0.22) * (1 - 0.5 * t);
    d.ellipse(
      [random.between(-0.05, 1.05) * d.width, y],
      wide,
      thin,
      colour,
      `opacity="${opacity.toFixed(2)}"`,
    );
  }
  const glints = 200;
  for (let i = 0; i < glints; i++) {
    const t = (i / glints) ** 1.7;
    const reach = d.unit * (0.03 + 0.2 * t);
    const offset = (random.next() + random.next() - 1) * reach;
    const wide = d.unit * (0.006 + 0.035 * t) * random.between(0.3, 1.2);
    const opacity = (0.75 - 0.5 * t) * (1 - Math.abs(offset) / reach) * random.between(0.5, 1);
    d.ellipse(
      [lightX + offset, horizon + depth * (t + 0.004)],
      wide,
      d.unit * (0.0009 + 0.0032 * t),
      mix(mood.glow, mood.light, 0.65),
      `opacity="${opacity.toFixed(2)}"`,
    );
  }
};

const drawBoat = (d: Drawing, [x, y]: Point, size: number, mood: Mood): void => {
  const dark = mix(mood.near, mood.haze, 0.12);
  const sail = mix('#fff8ec', mood.haze, mood.night ? 0.65 : 0.25);
  d.ellipse([x, y + size * 0.14], size * 0.62, size * 0.05, mood.near, 'opacity="0.35"');
  d.add(
    `<path d="M${n(x - size * 0.52)} ${n(y - size * 0.06)}Q${n(x)} ${n(y + size * 0.02)} ${n(x + size * 0.56)} ${n(y - size * 0.08)}` +
      `Q${n(x + size * 0.4)} ${n(y + size * 0.16)} ${n(x)} ${n(y + size * 0.14)}Q${n(x - size * 0.4)} ${n(y + size * 0.15)} ${n(x - size * 0.52)} ${n(y - size * 0.06)}Z" fill="${dark}"/>` +
      `<path d="M${n(x + size * 0.03)} ${n(y - size * 1.25)}Q${n(x + size * 0.5)} ${n(y - size * 0.55)} ${n(x + size * 0.5)} ${n(y - size * 0.14)}L${n(x + size * 0.03)} ${n(y - size * 0.14)}Z" fill="${sail}"/>` +
      `<path d="M${n(x - size * 0.04)} ${n(y - size * 1.12)}Q${n(x - size * 0.1)} ${n(y - size * 0.5)} ${n(x - size * 0.46)} ${n(y - size * 0.16)}L${n(x - size * 0.04)} ${n(y - size * 0.16)}Z" fill="${mix(sail, mood.haze, 0.35)}"/>` +
      `<rect x="${n(x - size * 0.015)}" y="${n(y - size * 1.3)}" width="${n(size * 0.03)}" height="${n(size * 1.3)}" fill="${dark}"/>`,
  );
};

interface Tower {
  readonly x: number;
  readonly top: number;
  readonly tall: number;
  /** Half the width at the foot and below the lamp. */
  readonly foot: number;
  readonly head: number;
}

/** A striped tower on the left or right shore, lit from the sea. */
const drawTower = (d: Drawing, mood: Mood, { x, top, tall, foot, head }: Tower, left: boolean): void => {
  const { unit } = d;
  const lit = mix('#f6efe6', mood.haze, mood.night ? 0.6 : 0.3);
  const dark = mix(mood.near, mood.haze, 0.08);
  const red = mix('#b8433a', mood.near, mood.night ? 0.6 : 0.3);
  const wall = d.linear(
    [
      [0, lit],
      [1, mix(lit, mood.near, 0.6)],
    ],
    left ? [1, 0, 0, 0] : [0, 0, 1, 0],
  );
  const box = (y: number, half: number, height: number, fill: string): void =>
    d.add(
      `<rect x="${n(x - half)}" y="${n(y)}" width="${n(half * 2)}" height="${n(height)}" fill="${fill}"/>`,
    );
  d.polygon(
    [
      [x - foot, top + tall],
      [x - head, top],
      [x + head, top],
      [x + foot, top + tall],
    ],
    wall,
  );
  for (const share of [0.16, 0.5, 0.84]) {
    const half = [share, share + 0.13].map((at) => head + (foot - head) * at);
    const [upper, lower] = [top + tall * share, top + tall * (share + 0.13)];
    d.polygon(
      [
        [x - half[0], upper],
        [x + half[0], upper],
        [x + half[1], lower],
        [x - half[1], lower],
      ],
      red,
      'opacity="0.85"',
    );
  }
  box(top - unit * 0.004, head * 1.35, unit * 0.009, dark);
  box(top - unit * 0.036, head * 0.62, unit * 0.033, '#fff0b8');
  d.polygon(
    [
      [x - head, top - unit * 0.034],
      [x, top - unit * 0.068],
      [x + head, top - unit * 0.034],
    ],
    dark,
  );
};

/** The lamp's glow, and its beam out to sea. */
const drawBeam = (d: Drawing, [x, y]: Point, left: boolean): void => {
  const out = left ? d.unit : -d.unit;
  const lamp = '#fff3c4';
  const beam = d.linear(
    [
      [0, lamp, 0.55],
      [1, lamp, 0],
    ],
    left ? [0, 0, 1, 0] : [1, 0, 0, 0],
  );
  d.polygon(
    [
      [x, y],
      [x + out * 0.95, y - d.unit * 0.13],
      [x + out * 0.95, y + d.unit * 0.07],
    ],
    beam,
  );
  const glow = d.radial([
    [0, lamp, 0.8],
    [1, lamp, 0],
  ]);
  d.ellipse([x, y], d.unit * 0.09, d.unit * 0.09, glow);
};

/** A headland that falls to the sea, the nearer rocks darker, with a lighthouse on it. */
const drawLighthouse = (d: Drawing, mood: Mood, random: Random, left: boolean): void => {
  const { unit } = d;
  const x = left ? d.width * 0.14 : d.width * 0.86;
  const out = left ? 1 : -1;
  const ground = d.height * 0.66;
  const tall = unit * 0.3;
  const tower: Tower = { x, tall, top: ground + unit * 0.02 - tall, foot: unit * 0.036, head: unit * 0.023 };
  drawBeam(d, [x, tower.top - unit * 0.02], left);
  drawTower(d, mood, tower, left);
  for (let layer = 0; layer < 3; layer++) {
    const stone = mix(mood.near, mood.haze, 0.24 - 0.1 * layer);
    const edge: Point[] = [[x - out * d.width * 0.3, d.height + 1]];
    for (let i = 0; i <= 30; i++) {
      const t = i / 30;
      const fall = t < 0.55 ? 0.03 * t : 0.017 + (t - 0.55) ** 1.6 * 1.3;
      const rough = random.between(-0.007, 0.007) * unit * (1 + layer);
      edge.push([
        x + out * unit * (t * (0.78 - 0.12 * layer) - 0.4),
        ground + d.height * (fall * (1 + 0.35 * layer) + 0.09 * layer) + rough,
      ]);
    }
    edge.push([x + out * unit * 0.38, d.height + 1]);
    const fill = d.linear([
      [0, mix(stone, mood.glow, 0.14)],
      [0.25, stone],
      [1, mix(stone, mood.near, 0.6)],
    ]);
    d.polygon(edge, fill);
  }
};

/** Open water to the horizon, far islands, the sun's path, a sail or a lighthouse. */
export const drawSea = (d: Drawing, { mood, words }: Theme, random: Random): void => {
  const { unit } = d;
  const horizon = d.height * random.between(0.5, 0.58);
  const light = drawSky(d, mood, random, horizon);
  for (const nearness of [0.16, 0.32]) {
    drawRidge(d, mood, random, {
      base: horizon + unit * 0.045,
      height: unit * (0.14 - 0.14 * nearness),
      frequency: 0.9,
      sharpness: 0.35,
      nearness,
    });
  }
  drawWater(d, mood, random, horizon, light[0]);
  const left = light[0] > d.width / 2;
  const lighthouse = words.has('lighthouse') || random.chance(0.3);
  if (lighthouse) drawLighthouse(d, mood, random, left);
  if (!words.has('lighthouse')) {
    const x = (left ? random.between(0.4, 0.55) : random.between(0.45, 0.6)) * d.width;
    drawBoat(d, [x, horizon + unit * random.between(0.05, 0.1)], unit * random.between(0.08, 0.11), mood);
  }
  if (!mood.night)
    drawBirds(d, random, [d.width * (left ? 0.35 : 0.65), horizon * 0.5], mix(mood.near, mood.haze, 0.25));
};
