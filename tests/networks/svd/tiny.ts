import { fileURLToPath } from 'node:url';

/** A tiny SVD pipeline with what its networks gave in the reference implementation. */
export const TINY = fileURLToPath(new URL('../../data/networks/tiny-svd', import.meta.url));
