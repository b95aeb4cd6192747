/**
 * Compiles the TypeScript sources into dist/. With --if-needed it does nothing when no source is newer than the last
 * successful build, so that `npm start` costs milliseconds after the first time.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'dist', '.built');
const sources = ['server', 'pipeline', 'samplers', 'networks', 'scripts'];
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

if (process.argv.includes('--if-needed') && upToDate()) process.exit(0);

const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
if (!existsSync(compiler)) {
  console.error('The TypeScript compiler is not installed. Run: npm ci --include=dev');
  process.exit(1);
}
rmSync(join(root, 'dist'), { recursive: true, force: true }); // no stale module of a deleted source survives
const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.json')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
writeFileSync(stamp, '');
