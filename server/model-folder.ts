import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { writeKenburns } from '../networks/kenburns/index.js';

/** Where the models are and which one to use. */
export interface ModelChoice {
  readonly modelsDir: string;
  /** A name under `modelsDir`, or a path. */
  readonly model: string;
}

/**
 * The folder of the chosen model. The embedded model's graphs are written there on first use; any other model must be
 * there already.
 */
export async function provideModel({ modelsDir, model }: ModelChoice): Promise<string> {
  if (model === 'kenburns') {
    const folder = join(modelsDir, 'kenburns');
    await writeKenburns(folder);
    return folder;
  }
  const named = join(modelsDir, model);
  return isAbsolute(model) || !existsSync(named) ? resolve(model) : named;
}
