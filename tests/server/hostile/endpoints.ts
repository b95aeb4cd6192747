/** An endpoint that takes a picture in a form. */
export interface UploadEndpoint {
  readonly path: string;
  /** The field of the picture. */
  readonly field: string;
  readonly taken: number;
  readonly refused: number;
  /** It takes fewer formats and names than the others do: what is a picture may be refused as well. */
  readonly picky?: true;
}

/** An endpoint that takes JSON. */
export interface JsonEndpoint {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  /** A body that is taken, and that others are made of. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly refused: number;
  /** A body whose picture is `text`: base64 or an address, sound or not; where the endpoint takes such a thing. */
  readonly withPicture?: (text: string) => Readonly<Record<string, unknown>>;
  /** The status for a picture that is none, where it is not that of a wrong field. */
  readonly refusedPicture?: number;
  /** Fields that it does not know are left aside, as its API has it. */
  readonly lenient?: true;
}

const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Every endpoint of the service that takes a body; `task` is the id of one that has ended. */
export const UPLOADS: readonly UploadEndpoint[] = [
  { path: '/img2vid', field: 'image', taken: 200, refused: 400 },
  { path: '/img2vid', field: 'file', taken: 200, refused: 400 },
  { path: '/tasks', field: 'image', taken: 201, refused: 400 },
  { path: '/api/img2video', field: 'image', taken: 200, refused: 400, picky: true },
];

export const jsonEndpoints = (task: string): readonly JsonEndpoint[] => [
  {
    method: 'POST',
    path: '/img2vid',
    body: { prompt: 'a fox' },
    refused: 400,
    withPicture: (text) => ({ image_url: text }),
  },
  {
    method: 'POST',
    path: '/tasks',
    body: { prompt: 'a fox' },
    refused: 400,
    withPicture: (text) => ({ image_url: text }),
  },
  { method: 'POST', path: `/tasks/${task}/rerun`, body: { seed: 4 }, refused: 400 },
  ...(['POST /predictions', 'PUT /predictions/hostile', 'POST /models/a/b/predictions'] as const).map(
    (address): JsonEndpoint => {
      const [method, path] = address.split(' ') as ['POST' | 'PUT', string];
      return {
        method,
        path,
        body: { input: { image: PICTURE } },
        refused: 422,
        // Under one id only the first request makes a prediction.
        ...(method === 'PUT' ? {} : { withPicture: (text: string) => ({ input: { image: text } }) }),
        lenient: true,
      };
    },
  ),
  {
    method: 'POST',
    path: '/gpu/animate',
    body: { image_base64: PICTURE, num_frames: 8, num_steps: 5 },
    refused: 422,
    withPicture: (text) => ({ image_base64: text }),
    refusedPicture: 400,
    lenient: true,
  },
  { method: 'POST', path: '/generate', body: { prompt: 'a fox' }, refused: 422, lenient: true },
  ...['/generate-video', '/generate-video/info'].map((path): JsonEndpoint => ({
    method: 'POST',
    path,
    body: {
      scenes: ['a fox', 'a wolf'],
      duration_per_scene: 0.1,
      transition_frames: 0,
      width: 64,
      height: 64,
    },
    refused: 422,
    lenient: true,
  })),
];
