import sharp from 'sharp';

/** A clip that is asked for again and again; its seed names it. */
export interface Clip {
  readonly fields: Readonly<Record<string, string>> & { readonly seed: string };
  readonly fromPicture: boolean;
}

const SMALL = { W: '96', H: '64', T: '5' };

/** Of all kinds that differ in what can be lost: samplers with and without memory or draws, variations, a prompt. */
export const CLIPS: readonly Clip[] = [
  { fromPicture: true, fields: { ...SMALL, seed: '101', steps: '120' } },
  {
    fromPicture: true,
    fields: { ...SMALL, seed: '102', steps: '80', sampler: 'EulerAncestralSampler', num_cols: '2' },
  },
  { fromPicture: true, fields: { ...SMALL, seed: '103', steps: '160', sampler: 'LinearMultistepSampler' } },
  { fromPicture: true, fields: { ...SMALL, seed: '104', steps: '80', sampler: 'DPMPP2SAncestralSampler' } },
  { fromPicture: false, fields: { ...SMALL, seed: '105', steps: '60', prompt: 'a lighthouse at dusk' } },
];

/** The picture that clips are made of: smooth colours with an edge. */
export const makePicture = (): Promise<Buffer> =>
  sharp({ create: { width: 160, height: 90, channels: 3, background: '#27597a' } })
    .composite([
      {
        input: Buffer.from(
          '<svg width="160" height="90"><circle cx="60" cy="50" r="30" fill="#e3b23c"/></svg>',
        ),
      },
    ])
    .png()
    .toBuffer();
