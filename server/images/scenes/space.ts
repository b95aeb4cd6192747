import { mix, n } from './drawing.js';
import type { Drawing, Point } from './drawing.js';
import type { Mood } from './mood.js';
import { createNoise } from './random.js';
import type { Random } from './random.js';

const NEBULAE = [
  ['#3b4cca', '#a447c9', '#ff7aa8'],
  ['#0f7f8f', '#3a6ad8', '#b58cff'],
  ['#b0402f', '#e08a3c', '#7a4bd0'],
  ['#146b5c', '#4fae7a', '#5a7dff'],
] as const;

const PLANETS = [
  ['#e8b98a', '#a85f3f', '#f4d7b0'],
  ['#7fb7d8', '#2f5f9f', '#d3ecf4'],
  ['#c9a3d8', '#6a4a96', '#f0dcf2'],
  ['#9fcab0', '#3c7a6c', '#e2f0d8'],
] as const;

/** Clouds of gas along a wandering band across the sky. */
const drawNebula = (d: Drawing, random: Random): void => {
  const colours = random.pick(NEBULAE);
  const path = createNoise(random, 3);
  const [from, to] = random.chance(0.5) ? [0.12, 0.72] : [0.72, 0.15];
  for (let i = 0; i < 150; i++) {
    const t = random.between(-0.1, 1.1);
    const spread = (random.next() + random.next() - 1) * 0.3;
    const y = (from + (to - from) * t + path(t * 2.5) * 0.22 + spread) * d.height;
    const colour = colours[Math.min(2, Math.floor((Math.abs(spread) * 6 + random.next()) % 3))];
    const size = d.unit * random.between(0.05, 0.3) * (1 - Math.abs(spread));
    const fill = d.radial([
      [0, colour, random.between(0.06, 0.17)],
      [0.5, colour, 0.045],
      [1, colour, 0],
    ]);
    d.ellipse([t * d.width, y], size * random.between(0.8, 1.6), size, fill);
  }
};

const drawStarField = (d: Drawing, random: Random): void => {
  const tints = ['#ffffff', '#cfe0ff', '#ffe9cf', '#ffd6d0'] as const;
  for (let i = 0; i < 620; i++) {
    const at: Point = [random.between(0, d.width), random.between(0, d.height)];
    const brightness = random.next() ** 6;
    const size = d.unit * (0.0006 + 0.0022 * brightness);
    const tint = random.pick(tints);
    d.ellipse(at, size, size, tint, `opacity="${(0.25 + 0.75 * random.next()).toFixed(2)}"`);
    if (brightness > 0.87) {
      const reach = size * 9;
      d.ellipse(
        at,
        reach * 0.8,
        reach * 0.8,
        d.radial([
          [0, tint, 0.45],
          [1, tint, 0],
        ]),
      );
      const ray = d.radial([
        [0, tint, 0.9],
        [1, tint, 0],
      ]);
      d.ellipse(at, reach, size * 0.35, ray);
      d.ellipse(at, size * 0.35, reach, ray);
    }
  }
};

/** A banded globe lit from the upper left, its night side nearly black, a rim of air around it. */
const drawPlanet = (d: Drawing, random: Random, [x, y]: Point, radius: number, ringed: boolean): void => {
  const [base, dark, pale] = random.pick(PLANETS);
  const tilt = random.between(-24, -12);
  const ring = (half: 'back' | 'front'): void => {
    const sweep = half === 'back' ? 1 : 0;
    for (let i = 0; i < 16; i++) {
      const rx = radius * (1.38 + 0.055 * i);
      const opacity = random.between(0.18, 0.75) * (i === 9 ? 0.1 : 1);
      d.add(
        `<path d="M${n(x - rx)} ${n(y)}A${n(rx)} ${n(rx * 0.2)} 0 0 ${sweep} ${n(x + rx)} ${n(y)}" fill="none" stroke="${mix(pale, dark, random.between(0, 0.6))}" stroke-width="${n(radius * 0.05)}" opacity="${opacity.toFixed(2)}" transform="rotate(${n(tilt)} ${n(x)} ${n(y)})"/>`,
      );
    }
  };
  d.ellipse(
    [x, y],
    radius * 1.3,
    radius * 1.3,
    d.radial([
      [0.7, pale, 0.35],
      [1, pale, 0],
    ]),
  );
  if (ringed) ring('back');
  d.ellipse([x, y], radius, radius, base);
  const clip = d.clip(`<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}"/>`);
  const bands = Array.from({ length: 13 }, () => {
    const [by, tall] = [y + radius * random.between(-0.95, 0.95), radius * random.between(0.03, 0.16)];
    const colour = mix(random.chance(0.5) ? dark : pale, base, random.between(0.1, 0.6));
    return `<ellipse cx="${n(x)}" cy="${n(by)}" rx="${n(radius * 1.4)}" ry="${n(tall)}" fill="${colour}" opacity="0.5"/>`;
  });
  d.add(`<g clip-path="${clip}"><g transform="rotate(${n(tilt)} ${n(x)} ${n(y)})">${bands.join('')}</g></g>`);
  const shade = d.radial(
    [
      [0, '#ffffff', 0.28],
      [0.35, base, 0],
      [0.72, '#03040c', 0.55],
      [1, '#03040c', 0.96],
    ],
    [0.3, 0.28, 0.82],
  );
  d.ellipse([x, y], radius * 1.005, radius * 1.005, shade);
  if (ringed) ring('front');
};

/** The curved rim of a nearer world at the bottom, with its thin glowing air. */
const drawForeground = (d: Drawing, mood: Mood, random: Random): void => {
  const radius = Math.max(d.width, d.height) * 1.25;
  const at: Point = [d.width * random.between(0.35, 0.65), d.height * 0.86 + radius];
  const air = mood.glow;
  for (const [reach, opacity] of [
    [0.05, 0.5],
    [0.016, 0.9],
  ] as const) {
    const edge = 1 / (1 + reach);
    d.ellipse(
      at,
      radius * (1 + reach),
      radius * (1 + reach),
      d.radial([
        [0, air, 0],
        [edge - 0.004, air, opacity],
        [1, air, 0],
      ]),
    );
  }
  d.ellipse(
    at,
    radius,
    radius,
    d.radial([
      [0, '#02030a'],
      [0.965, '#050816'],
      [0.992, mix('#0a1230', air, 0.18)],
      [1, mix('#1a2a55', air, 0.55)],
    ]),
  );
};

/** Deep space: gas, stars, a planet with its moon, the rim of another world. */
export const drawSpace = (d: Drawing, mood: Mood, random: Random): void => {
  const high = mix(mood.sky[0], '#04050d', 0.75);
  d.band(
    0,
    d.height,
    d.linear(
      [
        [0, high],
        [1, mix(mood.sky[1], '#05060f', 0.8)],
      ],
      [0, 0, 1, 1],
    ),
  );
  drawNebula(d, random);
  drawStarField(d, random);
  const right = random.chance(0.5);
  const radius = d.unit * random.between(0.17, 0.25);
  const at: Point = [
    d.width * (right ? random.between(0.62, 0.74) : random.between(0.26, 0.38)),
    d.height * random.between(0.32, 0.44),
  ];
  drawPlanet(d, random, at, radius, random.chance(0.65));
  const moon: Point = [d.width * (right ? 0.25 : 0.75), d.height * random.between(0.18, 0.5)];
  drawPlanet(d, random, moon, radius * random.between(0.16, 0.28), false);
  drawForeground(d, mood, random);
};
