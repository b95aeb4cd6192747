import { mix, n } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import type { Mood } from './mood.js';
import type { Random } from './random.js';

/** Small stars of many brightnesses, few of them bright. */
export const drawStars = (d: Drawing, random: Random, bottom: number, count: number): void => {
  for (let i = 0; i < count; i++) {
    const at: Point = [random.between(0, d.width), random.between(0, bottom)];
    const brightness = random.next() ** 4;
    const fade = 1 - (at[1] / bottom) ** 2;
    const radius = d.unit * (0.0007 + 0.0016 * brightness);
    d.ellipse(at, radius, radius, '#ffffff', `opacity="${((0.3 + 0.7 * brightness) * fade).toFixed(2)}"`);
  }
};

/** Sun or moon: a wide glow, a narrow one, and the disc. Gives its place. */
export const drawLight = (d: Drawing, { light, glow, night }: Mood, at: Point, radius: number): void => {
  const strength = night ? 0.45 : 0.8;
  const halo = d.radial([
    [0, glow, strength],
    [0.25, glow, strength * 0.42],
    [0.6, glow, strength * 0.1],
    [1, glow, 0],
  ]);
  d.ellipse(at, d.unit * 0.85, d.unit * 0.75, halo);
  const corona = d.radial([
    [0, light, 0.9],
    [0.3, light, 0.5],
    [1, light, 0],
  ]);
  d.ellipse(at, radius * 2.6, radius * 2.6, corona);
  d.ellipse(at, radius, radius, light);
  if (!night) return;
  // The moon's seas.
  const shade = mix(light, glow, 0.45);
  const seas = [
    [-0.3, -0.25, 0.3],
    [0.28, -0.1, 0.22],
    [-0.05, 0.35, 0.26],
    [0.4, 0.38, 0.13],
  ];
  for (const [x, y, r] of seas) {
    const sea = d.radial([
      [0, shade, 0.55],
      [0.7, shade, 0.4],
      [1, shade, 0],
    ]);
    d.ellipse([at[0] + x * radius, at[1] + y * radius], r * radius, r * radius * 0.9, sea);
  }
};

/** Long thin clouds in loose banks, lit from the horizon's side. */
export const drawClouds = (
  d: Drawing,
  mood: Mood,
  random: Random,
  [top, bottom]: readonly [number, number],
): void => {
  const lit = mix(mood.sky[2], mood.light, mood.night ? 0.1 : 0.6);
  const shade = mix(mood.sky[1], mood.sky[0], 0.35);
  const banks = 4 + random.below(4);
  for (let bank = 0; bank < banks; bank++) {
    const depth = (bank + random.next()) / banks;
    const x = random.between(-0.1, 1.1) * d.width;
    const y = top + (bottom - top) * depth;
    const reach = d.unit * random.between(0.16, 0.42) * (1.3 - 0.6 * depth);
    const opacity = random.between(0.22, 0.5) * (mood.night ? 0.5 : 1);
    for (const [colour, drop, share] of [
      [shade, 0.012, 0.6],
      [lit, 0, 1],
    ] as const) {
      const fill = d.radial([
        [0, colour, opacity * share],
        [0.55, colour, opacity * share * 0.6],
        [1, colour, 0],
      ]);
      for (let i = 0; i < 6; i++) {
        const along = random.between(-0.8, 0.8);
        const size = reach * random.between(0.35, 0.75) * (1 - 0.5 * Math.abs(along));
        const thin = random.between(0.06, 0.13) * (1.2 - 0.7 * depth);
        d.ellipse(
          [x + along * reach, y + drop * d.unit + random.between(-0.012, 0.012) * d.unit],
          size,
          size * thin,
          fill,
        );
      }
    }
  }
};

const AURORA = ['#58f2b2', '#3fd0c9', '#8f7bff'] as const;

/** Hanging curtains of light. */
export const drawAurora = (d: Drawing, random: Random, horizon: number): void => {
  for (let curtain = 0; curtain < 3; curtain++) {
    const base = horizon * random.between(0.45, 0.8);
    const wave = random.between(1, 2.4);
    const phase = random.between(0, 6.3);
    const colour = AURORA[curtain];
    const fill = d.linear([
      [0, AURORA[2], 0],
      [0.55, colour, 0.1],
      [0.9, colour, 0.24],
      [1, colour, 0],
    ]);
    const strips = 70;
    for (let i = 0; i < strips; i++) {
      const t = i / strips;
      const y =
        base + Math.sin(t * 6.3 * wave + phase) * horizon * 0.12 + Math.sin(t * 17 + phase) * horizon * 0.03;
      const tall = horizon * (0.38 + 0.22 * Math.sin(t * 29 + phase * 3) * random.between(0.4, 1));
      d.add(
        `<rect x="${n((t - 0.01) * d.width)}" y="${n(y - tall)}" width="${n((d.width / strips) * 2.2)}" height="${n(tall)}" fill="${fill}"/>`,
      );
    }
  }
};

/** Everything above the horizon. Gives the place of sun or moon. */
export const drawSky = (d: Drawing, mood: Mood, random: Random, horizon: number): Point => {
  const [high, middle, low] = mood.sky;
  const fill = d.linear([
    [0, high],
    [0.5, middle],
    [0.92, low],
    [1, mix(low, mood.haze, 0.35)],
  ]);
  d.band(0, horizon + 1, fill);
  if (mood.night) drawStars(d, random, horizon, 260);
  if (mood.aurora) drawAurora(d, random, horizon);
  const side = random.chance(0.5) ? random.between(0.2, 0.42) : random.between(0.58, 0.8);
  const height = mood.night ? random.between(0.22, 0.45) : random.between(0.45, 0.8);
  const at: Point = [side * d.width, horizon * height];
  drawLight(d, mood, at, d.unit * random.between(0.045, 0.07));
  drawClouds(d, mood, random, [horizon * 0.18, horizon * 0.92]);
  return at;
};

/** A loose flock far away. */
export const drawBirds = (d: Drawing, random: Random, [x, y]: Point, colour: string): void => {
  const count = 4 + random.below(5);
  for (let i = 0; i < count; i++) {
    const size = d.unit * random.between(0.007, 0.013);
    const [bx, by] = [x + random.between(-0.13, 0.13) * d.unit, y + random.between(-0.06, 0.06) * d.unit];
    const lift = random.between(0.25, 0.6) * size;
    d.add(
      `<path d="M${n(bx - size)} ${n(by - lift)}Q${n(bx - size * 0.4)} ${n(by - lift * 1.3)} ${n(bx)} ${n(by)}` +
        `Q${n(bx + size * 0.4)} ${n(by - lift * 1.3)} ${n(bx + size)} ${n(by - lift)}" fill="none" ` +
        `stroke="${colour}" stroke-width="${n(size * 0.2)}" stroke-linecap="round" opacity="0.75"/>`,
    );
  }
};
