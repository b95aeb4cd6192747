import type { Task } from '../../tasks/task.js';
import { viewTask } from '../../tasks/view.js';

const BAR_CELLS = 10;

/** As tqdm prints it, which Replicate's client reads progress from. */
function progressLine(step: number, steps: number): string {
  const percent = Math.floor((100 * step) / steps);
  const full = Math.floor((BAR_CELLS * step) / steps);
  return `${String(percent).padStart(3)}%|${'█'.repeat(full)}${' '.repeat(BAR_CELLS - full)}| ${step}/${steps}`;
}

/** What a prediction says of itself: what its sender should know, where it stands, and the code of what ended it. */
export function logsOf(task: Task): string {
  const { stage, step, steps, error } = task;
  const lines = [...viewTask(task).warnings];
  if (stage !== null) lines.push(`stage: ${stage}`);
  if (step !== null && steps) lines.push(progressLine(step, steps));
  if (error) lines.push(`ended: ${error.code}`);
  return lines.map((line) => `${line}\n`).join('');
}
