/**
 * `node scripts/run.mjs server/main.js …`: builds what has changed and runs a module of dist/ in this very process, so
 * that a signal sent to `npm start` reaches the service and not a shell in between.
 */
import { fileURLToPath } from 'node:url';
import { buildIfNeeded } from './build.mjs';

const [, , module, ...args] = process.argv;
buildIfNeeded();
const entry = new URL(`../dist/${module}`, import.meta.url);
process.argv = [process.execPath, fileURLToPath(entry), ...args];
await import(entry.href);
