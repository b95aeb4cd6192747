import sharp from 'sharp';
import { startFakeServer, type FakeServer } from './fake-server.js';

/** The four pictures by their colours, in reading order. */
export const COLOURS = ['red', 'lime', 'blue', 'yellow'] as const;
export type Colour = (typeof COLOURS)[number];

const RGB: Readonly<Record<Colour, readonly number[]>> = {
  red: [255, 0, 0],
  lime: [0, 255, 0],
  blue: [0, 0, 255],
  yellow: [255, 255, 0],
};

/** Sizes tell how a picture was come by: cut out of the grid, ready-made, or upscaled. */
export const CUT = '64x36';
export const READY = '80x45';
export const UPSCALED = '96x54';

export const plain = (colour: Colour, size: string): Promise<Buffer> => {
  const [width, height] = size.split('x').map(Number);
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer();
};

export const gridOf = async (width = 128, height = 72): Promise<Buffer> => {
  const svg = COLOURS.map((colour, i) => {
    const x = (i % 2) * Math.ceil(width / 2);
    const y = Math.floor(i / 2) * Math.ceil(height / 2);
    return `<rect x="${x}" y="${y}" width="${Math.floor(width / 2)}" height="${Math.floor(height / 2)}" fill="${colour}"/>`;
  }).join('');
  return sharp(
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${svg}</svg>`),
  )
    .png()
    .toBuffer();
};

/** `<colour> <width>x<height>` of a picture of one colour; fails where any pixel has another. */
export const describePicture = async (bytes: Buffer): Promise<string> => {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const first = [...data.subarray(0, 3)];
  for (let i = 0; i < data.length; i += 3) {
    if (first.some((value, c) => data[i + c] !== value))
      throw new Error(`More than one colour, at pixel ${i / 3}`);
  }
  const colour = COLOURS.find((name) => RGB[name].every((value, c) => value === first[c]));
  return `${colour ?? first.join()} ${info.width}x${info.height}`;
};

/** A host of pictures: `/grid.png`, `/ready-<n>.png`, `/upscaled-<n>.png`. Every request is a `picture`. */
export const startPictureHost = async (): Promise<FakeServer> => {
  const files = new Map<string, Buffer>([['/grid.png', await gridOf()]]);
  for (const [i, colour] of COLOURS.entries()) {
    files.set(`/ready-${i + 1}.png`, await plain(colour, READY));
    files.set(`/upscaled-${i + 1}.png`, await plain(colour, UPSCALED));
  }
  return startFakeServer(
    () => 'picture',
    ({ path }) => {
      const body = files.get(path);
      return body ? { body, headers: { 'content-type': 'image/png' } } : { status: 404, body: 'gone' };
    },
  );
};
