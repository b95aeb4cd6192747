export interface Series {
  readonly name: string;
  /** Both above 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinePlot {
  readonly title: string;
  /** What lies on the horizontal axis. */
  readonly across: string;
  readonly series: readonly Series[];
}

const [WIDTH, HEIGHT] = [720, 420];
const AREA = { left: 64, top: 48, right: 470, bottom: 368 };
/** Told apart by the colour-blind too, and on light and dark paper. */
const COLOURS = ['#d98e2b', '#3b82c4', '#2f9e68', '#b4519a'];

/** A plot of several lines on logarithmic axes, as an SVG file that needs nothing else. */
export function linePlot({ title, across, series }: LinePlot): string {
  const all = series.flatMap(({ points }) => points);
  const x = logScale(
    all.map(([value]) => value),
    AREA.left,
    AREA.right,
  );
  const y = logScale(
    all.map(([, value]) => value),
    AREA.bottom,
    AREA.top,
  );
  const grid = [
    ...y.decades.map((value) => horizontal(y.place(value), power(value))),
    ...[1, 2, 5, 10, 20, 50, 100, 200]
      .filter(x.holds)
      .map((value) => vertical(x.place(value), String(value))),
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

function logScale(values: readonly number[], from: number, to: number) {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  const first = Math.ceil(low);
  const holds = (value: number): boolean => Math.log10(value) >= low && Math.log10(value) <= high;
  return {
    holds,
    place: (value: number): number => from + ((to - from) * (Math.log10(value) - low)) / (high - low),
    decades: Array.from({ length: Math.floor(high) - first + 1 }, (_, i) => 10 ** (first + i)),
  };
}

const escape = (text: string): string =>
  text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c);
