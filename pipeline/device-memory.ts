import { execFile } from 'node:child_process';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** A driver that hangs must not hold up the worker. */
const TIMEOUT_MS = 5000;

/**
 * Bytes of memory that a device has in all, used or not: the driver's word for `cuda:<index>`, and for the `cpu` the
 * machine's memory or the container's limit. Undefined where nobody says.
 * @param tool the driver's command
 */
export async function deviceMemory(device: string, tool = 'nvidia-smi'): Promise<number | undefined> {
  if (!device.startsWith('cuda')) return Math.min(totalmem(), process.constrainedMemory() || Infinity);
  const index = Number(device.split(':')[1] ?? 0);
  // The runtime counts the devices that it may see, the driver all of them.
  const visible = process.env.CUDA_VISIBLE_DEVICES?.split(',')[index]?.trim() ?? String(index);
  try {
    const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits', '-i', visible];
    const { stdout } = await run(tool, query, { timeout: TIMEOUT_MS });
    const mebibytes = Number(stdout.trim());
    return mebibytes > 0 ? mebibytes * 2 ** 20 : undefined;
  } catch {
    return undefined;
  }
}
