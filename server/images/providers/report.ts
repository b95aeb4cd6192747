/** Takes progress from 0 to 1. */
export type Report = (progress: number) => void;

/** Passes on only what goes beyond everything before: providers' own figures jump back when a job is queued anew. */
export const ascending = (report: Report | undefined): Report => {
  let highest = -1;
  return (progress) => {
    if (progress <= highest) return;
    highest = progress;
    report?.(progress);
  };
};

/** Takes 0 to 1 as the stretch from `from` to `to` of the whole. */
export const stretch =
  (report: Report, from: number, to: number): Report =>
  (progress) =>
    report(from + (to - from) * progress);
