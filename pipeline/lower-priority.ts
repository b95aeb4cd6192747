import type { ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** Makes a child yield the CPU to the process that answers clients: however busy it is, they are not answered late. */
export function lowerPriority(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed here: the work is done all the same.
  }
}
