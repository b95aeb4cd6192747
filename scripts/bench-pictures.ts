/**
 * `npm run bench:pictures`: what it costs to decode pictures in a process of their own: its start, and milliseconds a
 * picture there and in the calling process.
 */
import { randomBytes } from 'node:crypto';
import { localPictureWork } from '../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../server/images/picture.js';
import { PictureProcesses } from '../server/images/picture-processes.js';
import type { PictureWork } from '../server/images/picture-work.js';
import { sharp } from '../server/images/safe-sharp.js';

const ROUNDS = 15;
const SIZES = [
  [512, 288],
  [1024, 576],
  [2048, 1152],
  [4096, 2304],
] as const;

const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

/** Photographs are neither flat nor noise: noise of a sixteenth of the size, enlarged. */
const photograph = (width: number, height: number): Promise<Buffer> => {
  const raw = { width: width / 16, height: height / 16, channels: 3 } as const;
  return sharp(randomBytes(raw.width * raw.height * 3), { raw })
    .resize(width, height)
    .jpeg({ quality: 90 })
    .toBuffer();
};

/** Medians of both ways, which take turns: whatever else the machine does slows both. */
async function compare(ways: readonly PictureWork[], bytes: Buffer): Promise<number[]> {
  const times: number[][] = ways.map(() => []);
  for (let i = 0; i < ROUNDS; i++) {
    for (const [way, work] of ways.entries()) {
      times[way].push(await milliseconds(() => work.normalise(bytes, PICTURE_LIMITS, 'image')));
    }
  }
  return times.map(median);
}

const starts: number[] = [];
for (let i = 0; i < 5; i++) {
  const one = new PictureProcesses({ size: 1 });
  starts.push(await milliseconds(() => one.warm()));
  await one.stop();
}
console.log(`start of the process: ${Math.round(median(starts))} ms`);
const processes = new PictureProcesses({ size: 1 });
await processes.warm();
console.log('| JPEG | file | here ms | own process ms | more ms |');
console.log('|---|---|---|---|---|');
for (const [width, height] of SIZES) {
  const bytes = await photograph(width, height);
  const [here, there] = await compare([localPictureWork, processes], bytes);
  const cells = [
    `${Math.round(bytes.length / 1024)} KB`,
    ...[here, there, there - here].map((n) => n.toFixed(1)),
  ];
  console.log(`| ${width}×${height} | ${cells.join(' | ')} |`);
}
await processes.stop();
