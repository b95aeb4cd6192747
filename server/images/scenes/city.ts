import { lightness, mix, n } from './drawing.js';
import type { Drawing } from './drawing.js';
import type { Mood } from './mood.js';
import { createNoise } from './random.js';
import type { Random } from './random.js';
import { drawMist } from './land.js';
import { drawSky } from './sky.js';

const LAMPS = ['#ffe2a0', '#ffd27a', '#fff1cf', '#a8e4ff'] as const;
const NEON = ['#ff4fa0', '#35e0ff', '#b06bff', '#ffd36b'] as const;

interface Building {
  readonly x: number;
  readonly top: number;
  readonly width: number;
}

/** A row of houses side by side, tallest where a slow curve says so. */
const layOut = (
  d: Drawing,
  random: Random,
  base: number,
  tallest: number,
  width: number,
): readonly Building[] => {
  const skyline = createNoise(random, 2);
  const buildings: Building[] = [];
  for (let x = -width; x < d.width;) {
    const wide = width * random.between(0.6, 1.5);
    const share = 0.55 + 0.45 * skyline((x / d.unit) * 1.6);
    buildings.push({ x, width: wide, top: base - tallest * Math.max(0.16, share * random.between(0.55, 1)) });
    x += wide * random.between(0.92, 1.12);
  }
  return buildings;
};

/** The top of a building: flat, stepped, slanted, or with a mast. */
const drawRoof = (d: Drawing, random: Random, { x, top, width }: Building, fill: string): void => {
  const kind = random.below(5);
  const step = width * random.between(0.18, 0.32);
  if (kind === 0) {
    d.polygon(
      [
        [x, top + 1],
        [x, top - step],
        [x + width, top + 1],
      ],
      fill,
    );
  } else if (kind <= 2) {
    d.add(
      `<rect x="${n(x + step * 0.7)}" y="${n(top - step)}" width="${n(width - step * 1.4)}" height="${n(step + 1)}" fill="${fill}"/>`,
    );
  }
  if (kind === 2 || kind === 3) {
    const mast = width * random.between(0.5, 1.1);
    d.add(
      `<rect x="${n(x + width / 2 - width * 0.015)}" y="${n(top - mast)}" width="${n(width * 0.03)}" height="${n(mast)}" fill="${fill}"/>`,
    );
  }
};

/** Windows in a grid, some of them lit. */
const drawWindows = (d: Drawing, random: Random, building: Building, base: number, lit: number): void => {
  const pane = d.unit * 0.0085;
  const columns = Math.floor((building.width - pane) / (pane * 1.75));
  const rows = Math.floor((base - building.top - pane) / (pane * 2.1));
  const left = building.x + (building.width - columns * pane * 1.75 + pane * 0.75) / 2;
  // A building's tenants share their hours: some fronts are dark, some bright.
  const share = lit * random.between(0.25, 1.4);
  const colour = random.pick(LAMPS);
  // One path for a front, and one for the few windows that stand out: many small shapes are slow to draw.
  const panes: [string[], string[]] = [[], []];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!random.chance(share)) continue;
      const [x, y] = [left + column * pane * 1.75, building.top + pane * (1 + row * 2.1)];
      panes[random.chance(0.15) ? 1 : 0].push(`M${n(x)} ${n(y)}h${n(pane)}v${n(pane * 1.25)}h${n(-pane)}Z`);
    }
  }
  d.add(
    `<path d="${panes[0].join('')}" fill="${colour}" opacity="${random.between(0.6, 0.95).toFixed(2)}"/>`,
  );
  d.add(`<path d="${panes[1].join('')}" fill="${random.pick(LAMPS)}"/>`);
};

/** A glowing sign down a front. */
const drawSign = (d: Drawing, random: Random, { x, top, width }: Building): void => {
  const colour = random.pick(NEON);
  const [wide, tall] = [d.unit * 0.011, d.unit * random.between(0.06, 0.13)];
  const [sx, sy] = [x + width * random.between(0.15, 0.8), top + d.unit * random.between(0.03, 0.08)];
  d.ellipse(
    [sx, sy + tall / 2],
    tall * 0.75,
    tall * 0.95,
    d.radial([
      [0, colour, 0.5],
      [1, colour, 0],
    ]),
  );
  d.add(
    `<rect x="${n(sx - wide / 2)}" y="${n(sy)}" width="${n(wide)}" height="${n(tall)}" rx="${n(wide / 3)}" fill="${mix(colour, '#ffffff', 0.35)}"/>`,
  );
};

/** The river in front: the lights stand in it as long trembling columns. */
const drawRiver = (d: Drawing, mood: Mood, random: Random, shore: number, neon: boolean): void => {
  const depth = d.height - shore;
  const [, middle, low] = mood.sky;
  d.band(
    shore,
    d.height,
    d.linear([
      [0, mix(mood.near, middle, 0.3)],
      [0.35, mix(mix(low, middle, 0.5), mood.near, 0.35)],
      [1, mix(mood.near, middle, 0.12)],
    ]),
  );
  const columns = Math.round((d.width / d.unit) * 32);
  for (let i = 0; i < columns; i++) {
    const colour = neon && random.chance(0.6) ? random.pick(NEON) : random.pick(LAMPS);
    const x = random.between(0, d.width);
    const reach = depth * random.between(0.25, 0.95);
    const wide = d.unit * random.between(0.003, 0.009);
    const strength = random.between(0.15, 0.55) * (mood.night ? 1 : 0.6);
    for (let y = 0; y < reach; y += d.unit * 0.011) {
      const fade = strength * (1 - y / reach);
      const shift = random.between(-1, 1) * wide * (0.3 + (2 * y) / depth);
      d.ellipse(
        [x + shift, shore + y],
        wide * random.between(0.6, 1.5),
        d.unit * 0.0027,
        colour,
        `opacity="${fade.toFixed(2)}"`,
      );
    }
  }
  d.band(shore - d.unit * 0.004, shore + d.unit * 0.003, mix(mood.near, '#000000', 0.4));
};

/** Rows of towers fading into the haze, lit windows, and a river that mirrors them. */
export const drawCity = (d: Drawing, mood: Mood, random: Random): void => {
  const { height: h, unit } = d;
  const shore = h * 0.76;
  const neon = mood.neon === true;
  drawSky(d, mood, random, shore);
  const dim = lightness(mood.sky[0]) < 0.3;
  for (let row = 0; row < 4; row++) {
    const nearness = 0.22 + 0.25 * row;
    const body = mix(mood.haze, mood.near, nearness);
    const base = shore + 1;
    const fill = d.linear([
      [0, body],
      [1, mix(body, mood.haze, 0.5 * (1 - nearness))],
    ]);
    const buildings = layOut(d, random, base, unit * (0.56 - 0.085 * row), unit * (0.055 + 0.018 * row));
    for (const building of buildings) {
      const { x, top, width } = building;
      drawRoof(d, random, building, body);
      d.add(`<rect x="${n(x)}" y="${n(top)}" width="${n(width)}" height="${n(base - top)}" fill="${fill}"/>`);
      if (row > 0) drawWindows(d, random, building, base, (dim ? 0.42 : 0.16) * (0.35 + 0.2 * row));
      if (neon && row > 1 && random.chance(0.4)) drawSign(d, random, building);
    }
    drawMist(d, mood.haze, [shore - unit * 0.26, shore + unit * 0.02], 0.34 * (1 - nearness));
  }
  drawRiver(d, mood, random, shore, neon);
};
