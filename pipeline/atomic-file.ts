import { open, rename, rm, writeFile } from 'node:fs/promises';

/** Where a file grows before it is whole. Beside the target, since a rename is atomic only within one file system. */
export const partOf = (target: string): string => `${target}.part`;

/** Makes the finished part durable, gives it its final name and returns its size in bytes. */
export async function publish(target: string): Promise<number> {
  const file = await open(partOf(target), 'r+');
  let bytes: number;
  try {
    await file.sync();
    bytes = (await file.stat()).size;
  } finally {
    await file.close();
  }
  await rename(partOf(target), target);
  return bytes;
}

/** Removes the part, if any. Never throws: it runs while another error is on its way. */
export async function discard(target: string): Promise<void> {
  await rm(partOf(target), { force: true }).catch(() => undefined);
}

/** Writes the whole file or, after an error, nothing. */
export async function writeAtomically(target: string, data: Uint8Array): Promise<void> {
  try {
    await writeFile(partOf(target), data);
    await publish(target);
  } catch (error) {
    await discard(target);
    throw error;
  }
}
