import { statfs } from 'node:fs/promises';

/** Bytes that are free for the service where a folder lies. */
export const freeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};
