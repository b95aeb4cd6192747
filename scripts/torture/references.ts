import { join } from 'node:path';
import { Client } from './client.js';
import { CLIPS, makePicture, type Clip } from './clips.js';
import { follow } from './follow.js';
import { Random } from './random.js';
import { TorturedService } from './tortured-service.js';

/** What uninterrupted runs make of the clips. */
export interface References {
  readonly picture: Uint8Array;
  /** Of each clip, by its seed, one digest for all files. */
  readonly digests: ReadonlyMap<number, string>;
}

/** The environment of a service whose files lie in `folder/<name>`; its processes are told by `TORTURE`. */
export const environmentIn = (folder: string, name: string): Record<string, string> => ({
  TORTURE: folder,
  DATA_DIR: join(folder, name),
  MODELS_DIR: join(folder, 'models'),
  SHUTDOWN_GRACE_SECONDS: '1',
});

/** Makes each clip once, undisturbed. */
export async function makeReferences(folder: string): Promise<References> {
  const picture = await makePicture();
  const service = new TorturedService(environmentIn(folder, 'reference'), new Random(0));
  const client = new Client(() => service.url(), picture);
  const make = async (clip: Clip): Promise<[number, string]> => {
    const id = await client.submit(clip, '/tasks', true);
    const { status, digest } = await follow(client, id);
    if (digest === undefined) throw new Error(`The reference of seed ${clip.fields.seed} ended as ${status}`);
    return [Number(clip.fields.seed), digest];
  };
  const digests = new Map(await Promise.all(CLIPS.map(make)));
  await service.stop();
  return { picture, digests };
}
