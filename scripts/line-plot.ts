export interface Series {
  readonly name: string;
  /** Both above 0 where the axes are logarithmic. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinePlot {
  readonly title: string;
  /** What lies on the horizontal axis. */
  readonly across: string;
  /** Of both axes; logarithmic when left out. */
  readonly scale?: 'linear' | 'logarithmic';
  readonly series: readonly Series[];
}

const [WIDTH, HEIGHT] = [720, 420];
const AREA = { left: 64, top: 48, right: 470, bottom: 368 };
/** Told apart by the colour-blind too, and on light and dark paper. */
const COLOURS = ['#d98e2b', '#3b82c4', '#2f9e68', '#b4519a', '#6b6258'];

/** A plot of several lines, as an SVG file that needs nothing else. */
export function linePlot({ title, across, scale = 'logarithmic', series }: LinePlot): string {
  const all = series.flatMap(({ points }) => points);
  const axis = scale === 'linear' ? linearAxis : logAxis;
  const x = axis(
    all.map(([value]) => value),
    AREA.left,
    AREA.right,
  );
  const y = axis(
    all.map(([, value]) => value),
    AREA.bottom,
    AREA.top,
  );
  const grid = [
    ...y.marks.map((value) => horizontal(y.place(value), scale === 'linear' ? String(value) : power(value))),
    ...(scale === 'linear' ? x.marks : [1, 2, 5, 10, 20, 50, 100, 200].filter(x.holds)).map((value) =>
      vertical(x.place(value), String(value)),
    ),
  ];
  const lines = series.map(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([px, py]) => `${x.place(px).toFixed(1)},${y.place(py).toFixed(1)}`).join(' ');
    const at = AREA.top + 16 + 24 * i;
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>` +
      `<path d="M488 ${at}h20" stroke="${colour}" stroke-width="3"/>` +
      `<text x="514" y="${at + 5}">${escape(name)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="14">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#fdfcfa"/>`,
    `<text x="20" y="28" font-size="16" font-weight="600">${escape(title)}</text>`,
    ...grid,
    ...lines,
    `<text x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escape(across)}</text>`,
    '</svg>\n',
  ].join('\n');
}

const horizontal = (y: number, label: string): string =>
  `<path d="M${AREA.left} ${y.toFixed(1)}H${AREA.right}" stroke="#dcd8cf"/>` +
  `<text x="${AREA.left - 8}" y="${(y + 5).toFixed(1)}" text-anchor="end">${label}</text>`;
const vertical = (x: number, label: string): string =>
  `<path d="M${x.toFixed(1)} ${AREA.top}V${AREA.bottom}" stroke="#dcd8cf"/>` +
  `<text x="${x.toFixed(1)}" y="${AREA.bottom + 20}" text-anchor="middle">${label}</text>`;

/** 10ⁿ. */
const power = (value: number): string =>
  `10<tspan font-size="10" dy="-5">${Math.round(Math.log10(value))}</tspan>`;

interface Axis {
  readonly holds: (value: number) => boolean;
  readonly place: (value: number) => number;
  /** Values that a line of the grid stands at. */
  readonly marks: readonly number[];
}

function linearAxis(values: readonly number[], from: number, to: number): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = [0.1, 0.25, 0.5, 1, 2.5, 5, 10].find((size) => (high - low) / size <= 6) ?? (high - low) / 6;
  const first = Math.ceil(low / step);
  return {
    holds: (value) => value >= low && value <= high,
    place: (value) => from + ((to - from) * (value - low)) / (high - low),
    marks: Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step),
  };
}

/** Marked at the powers of ten. */
function logAxis(values: readonly number[], from: number, to: number): Axis {
  const exponents = linearAxis(values.map(Math.log10), from, to);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const first = Math.ceil(Math.log10(low));
  return {
    holds: (value) => value >= low && value <= high,
    place: (value) => exponents.place(Math.log10(value)),
    marks: Array.from({ length: Math.floor(Math.log10(high)) - first + 1 }, (_, i) => 10 ** (first + i)),
  };
}

const escape = (text: string): string =>
  text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c);
