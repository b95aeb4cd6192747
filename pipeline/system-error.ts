/** The code of a system error (`ENOENT`, `ECONNREFUSED`, …), or undefined for anything else that was thrown. */
export const systemErrorCode = (error: unknown): string | undefined => {
  // Not instanceof: an error may come from another realm.
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
};

/** True for the error of a write that found no room. */
export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error) ?? '');
