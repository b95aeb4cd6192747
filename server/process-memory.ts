import { readFile } from 'node:fs/promises';

/** Bytes that a process holds in memory; 0 where there is none, or where the system does not tell (only Linux does). */
export const residentBytes = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
};
