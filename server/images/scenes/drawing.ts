/** A point in pixels, y downwards. */
export type Point = readonly [x: number, y: number];

/** A place in a gradient: from 0 to 1, a colour `#rrggbb`, opaque unless it says otherwise. */
export type Stop = readonly [at: number, colour: string, opacity?: number];

/** Shortens a number to what a pixel can show. */
export const n = (value: number): string => String(Math.round(value * 10) / 10);

const channels = (colour: string): readonly number[] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** The colour at `t` (0 to 1) on the way from one `#rrggbb` to another. */
export const mix = (from: string, to: string, t: number): string => {
  const other = channels(to);
  const mixed = channels(from).map((value, i) => Math.round(value + (other[i] - value) * t));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
};

/** How light a `#rrggbb` is, 0 to 1. */
export const lightness = (colour: string): number =>
  channels(colour).reduce((sum, value) => sum + value, 0) / 765;

const stopMarkup = ([at, colour, opacity = 1]: Stop): string =>
  `<stop offset="${Math.round(at * 1000) / 1000}" stop-color="${colour}" stop-opacity="${Math.round(opacity * 1000) / 1000}"/>`;

/** An SVG picture being put together, back to front. All of its markup is our own: no text of a client enters it. */
export class Drawing {
  readonly #defs: string[] = [];
  readonly #body: string[] = [];

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  /** The length that sizes are measured in, so that a scene fits a wide and a tall picture alike. */
  get unit(): number {
    return Math.min(this.width, this.height);
  }

  #define(kind: string, attributes: string, content: string): string {
    const id = `d${this.#defs.length}`;
    this.#defs.push(`<${kind} id="${id}" ${attributes}>${content}</${kind}>`);
    return `url(#${id})`;
  }

  /** A gradient along a direction given in shares of the filled shape's box; downwards unless told otherwise. */
  linear(stops: readonly Stop[], [x1, y1, x2, y2] = [0, 0, 0, 1]): string {
    return this.#define(
      'linearGradient',
      `x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"`,
      stops.map(stopMarkup).join(''),
    );
  }

  /** A gradient from a point within the filled shape's box to its rim. */
  radial(stops: readonly Stop[], [cx, cy, r] = [0.5, 0.5, 0.5]): string {
    return this.#define('radialGradient', `cx="${cx}" cy="${cy}" r="${r}"`, stops.map(stopMarkup).join(''));
  }

  /** A shape that others are cut to, by `clip-path`. */
  clip(shape: string): string {
    return this.#define('clipPath', '', shape);
  }

  add(...markup: readonly string[]): void {
    this.#body.push(...markup);
  }

  /** Fills the whole width between two heights. */
  band(top: number, bottom: number, fill: string): void {
    this.add(`<rect x="0" y="${n(top)}" width="${this.width}" height="${n(bottom - top)}" fill="${fill}"/>`);
  }

  ellipse([x, y]: Point, rx: number, ry: number, fill: string, extra = ''): void {
    this.add(`<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="${fill}" ${extra}/>`);
  }

  polygon(points: readonly Point[], fill: string, extra = ''): void {
    this.add(`<path d="M${points.map(([x, y]) => `${n(x)} ${n(y)}`).join('L')}Z" fill="${fill}" ${extra}/>`);
  }

  /** Fills everything below a curve; the curve is a height in pixels for each x. */
  below(curve: (x: number) => number, fill: string): void {
    const steps = 240;
    const points = Array.from({ length: steps + 1 }, (_, i): Point => {
      const x = (i / steps) * this.width;
      return [x, curve(x)];
    });
    this.polygon([...points, [this.width, this.height + 1], [0, this.height + 1]], fill);
  }

  toSvg(): string {
    const { width, height } = this;
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
      `<defs>${this.#defs.join('')}</defs>${this.#body.join('')}</svg>`
    );
  }
}
