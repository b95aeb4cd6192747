/** Compiles the TypeScript sources into dist/: `node scripts/build.mjs [--if-needed]`, or as a function from run.mjs. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPage } from './build-page.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const fresh = join(root, 'dist.new');
const stamp = join(dist, '.built');
const sources = ['server', 'pipeline', 'samplers', 'networks', 'scripts', 'dashboard'];
const settings = ['tsconfig.json', 'package.json', 'package-lock.json'];

function newestIn(folder) {
  let newest = statSync(folder).mtimeMs; // a folder's own time changes when a file is removed from it
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestIn(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function upToDate() {
  if (!existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  const inputs = [
    ...sources
      .map((name) => join(root, name))
      .filter(existsSync)
      .map(newestIn),
    ...settings.map((name) => statSync(join(root, name)).mtimeMs),
  ];
  return Math.max(...inputs) <= built;
}

/**
 * Builds, or does nothing when no source is newer than the last successful build. Ends the process with the compiler's
 * status when that fails.
 */
export function buildIfNeeded() {
  if (!upToDate()) build();
}

function build() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    console.error('The TypeScript compiler is not installed. Run: npm ci --include=dev');
    process.exit(1);
  }
  // Beside the old build, which a running service goes on using, and in its place only when it is whole.
  rmSync(fresh, { recursive: true, force: true });
  const { status } = spawnSync(
    process.execPath,
    [compiler, '-p', join(root, 'tsconfig.json'), '--outDir', fresh],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exit(status ?? 1);
  buildPage(join(root, 'dashboard'), join(fresh, 'page'));
  writeFileSync(join(fresh, '.built'), '');
  rmSync(dist, { recursive: true, force: true });
  renameSync(fresh, dist);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--if-needed')) buildIfNeeded();
  else build();
}
