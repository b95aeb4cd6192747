import { mix, n } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import { drawMist } from './land.js';
import type { Mood } from './mood.js';
import type { Random } from './random.js';
import { drawBirds, drawSky } from './sky.js';

/** Table mountains: steep sides, flat tops, banded rock. */
const drawMesas = (d: Drawing, mood: Mood, random: Random, base: number): void => {
  const count = 3 + random.below(3);
  for (let i = 0; i < count; i++) {
    const x = random.between(0.02, 0.98) * d.width;
    const wide = d.unit * random.between(0.07, 0.2);
    const tall = d.unit * random.between(0.06, 0.17);
    const colour = mix(mood.haze, mood.near, random.between(0.2, 0.4));
    const top = base - tall;
    const edge: Point[] = [
      [x - wide * 1.5, base],
      [x - wide * 1.08, base - tall * 0.42],
      [x - wide, top],
    ];
    for (let k = 1; k < 6; k++)
      edge.push([x - wide + (wide * 2 * k) / 6, top + random.between(-0.03, 0.03) * tall]);
    edge.push([x + wide, top], [x + wide * 1.08, base - tall * 0.42], [x + wide * 1.5, base]);
    d.polygon(
      edge,
      d.linear([
        [0, mix(colour, mood.near, 0.15)],
        [0.3, colour],
        [1, mix(colour, mood.haze, 0.6)],
      ]),
    );
  }
};

interface Tones {
  readonly lit: string;
  readonly body: string;
  readonly shade: string;
  readonly lightLeft: boolean;
}

/** A point on the way between two others, pulled aside at its middle by `bend` pixels downwards. */
const along = ([x1, y1]: Point, [x2, y2]: Point, t: number, bend: number): Point => [
  x1 + (x2 - x1) * t,
  y1 + (y2 - y1) * t + bend * 4 * t * (1 - t),
];

/** One dune: flanks that meet in a crest, the crest winding down to the viewer, one side lit and one in shade. */
const drawDune = (d: Drawing, random: Random, base: number, tall: number, tones: Tones): void => {
  const { lit, body, shade, lightLeft } = tones;
  const peak: Point = [random.between(0, 1) * d.width, base - tall];
  const wide = tall * random.between(4.5, 7.5);
  const left: Point = [peak[0] - wide, base];
  const right: Point = [peak[0] + wide * random.between(0.8, 1.1), base];
  const foot: Point = [peak[0] + random.between(-0.35, 0.35) * wide, base + tall * 0.9];
  const steps = Array.from({ length: 25 }, (_, i) => i / 24);
  const rise = steps.map((t) => along(left, peak, t, tall * 0.13));
  const fall = steps.map((t) => along(peak, right, t, tall * 0.15));
  const sway = random.between(-1, 1) * wide * 0.12;
  const crest = steps.map((t): Point => {
    const [x, y] = along(peak, foot, t, 0);
    return [x + Math.sin(t * Math.PI * 1.6) * sway, y];
  });
  const bottom = d.height + 1;
  // Down to the foot of the dune its own tones, below it the sand that it stands on.
  const reach = tall / (bottom - peak[1]);
  const bright = d.linear([
    [0, lit],
    [reach, body],
  ]);
  const dim = d.linear([
    [0, shade],
    [reach * 0.6, mix(shade, body, 0.4)],
    [reach * 1.15, body],
  ]);
  d.polygon([...rise, ...crest, [foot[0], bottom], [left[0], bottom]], lightLeft ? bright : dim);
  d.polygon([...fall, [right[0], bottom], [foot[0], bottom], ...crest.reverse()], lightLeft ? dim : bright);
};

/** Dunes from the horizon to the viewer, larger and darker as they come near. */
const drawDunes = (d: Drawing, mood: Mood, random: Random, lightLeft: boolean): void => {
  const rows = 6;
  for (let row = 0; row < rows; row++) {
    const nearness = row / (rows - 1);
    const sand = mix(mix(mood.haze, mood.light, 0.22), mood.near, 0.06 + 0.36 * nearness);
    const [lit, shade] = [mix(sand, mood.light, 0.3), mix(sand, mood.near, 0.3 + 0.25 * nearness)];
    const tones: Tones = { lit, body: sand, shade, lightLeft };
    const base = d.height * (0.64 + 0.42 * nearness ** 1.3);
    d.band(base, d.height, sand);
    const dunes = Math.round((4 - 2.5 * nearness) * (d.width / d.unit));
    for (let i = 0; i < dunes; i++) {
      const drop = d.unit * random.between(-0.015, 0.02) * (0.3 + nearness);
      drawDune(d, random, base + drop, d.unit * (0.04 + 0.15 * nearness) * random.between(0.6, 1.1), tones);
    }
    drawMist(d, mood.haze, [base - d.unit * 0.05, base + d.unit * 0.09], 0.3 * (1 - nearness));
  }
};

/** A saguaro: a trunk and bent arms, round-ended. */
const drawCactus = (d: Drawing, random: Random, [x, y]: Point, tall: number, colour: string): void => {
  const stroke = (path: string, width: number): string =>
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${n(width)}" stroke-linecap="round" stroke-linejoin="round"/>`;
  d.add(stroke(`M${n(x)} ${n(y)}V${n(y - tall)}`, tall * 0.13));
  for (const side of [-1, 1]) {
    const [from, up] = [random.between(0.3, 0.55), random.between(0.2, 0.36)];
    const out = side * tall * 0.21;
    d.add(
      stroke(
        `M${n(x)} ${n(y - tall * from)}h${n(out * 0.5)}q${n(out * 0.5)} 0 ${n(out * 0.5)} ${n(-tall * 0.1)}v${n(-tall * up)}`,
        tall * 0.095,
      ),
    );
  }
};

/** Dunes under a wide sky, mesas far away, a cactus or two. */
export const drawDesert = (d: Drawing, mood: Mood, random: Random): void => {
  const { height: h, unit } = d;
  const horizon = h * 0.58;
  const sun = drawSky(d, mood, random, horizon);
  d.band(horizon, h, mix(mood.haze, mood.near, 0.15));
  drawMesas(d, mood, random, horizon + unit * 0.012);
  drawMist(d, mood.sky[2], [horizon - unit * 0.09, horizon + unit * 0.07], 0.6);
  drawDunes(d, mood, random, sun[0] < d.width / 2);
  const dark = mix(mood.near, '#000000', 0.45);
  for (const x of [random.between(0.04, 0.12), random.between(0.88, 0.96)]) {
    drawCactus(d, random, [x * d.width, h * random.between(0.94, 1)], unit * random.between(0.2, 0.32), dark);
  }
  if (!mood.night) drawBirds(d, random, [d.width - sun[0], horizon * 0.45], mix(mood.near, mood.haze, 0.3));
};
