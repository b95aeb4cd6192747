import type { EvaluationCounts } from '../pipeline/evaluation-plan.js';

/** What a clip took, in words: its steps, and how often the network was evaluated for all its variations. */
export function workDone(steps: number, { full, shallow }: EvaluationCounts): string {
  const outer = shallow === 0 ? '' : ` and ${shallow} of its outer part`;
  return `${counted(steps, 'step')}, ${counted(full, 'evaluation')} of the whole network${outer}`;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
