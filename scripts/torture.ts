/**
 * `npm run torture`: submits tasks to the built service while its processes are killed with SIGKILL at random moments,
 * then counts what the service promises never to happen. Loopback only, with a data folder of its own, bounded in time.
 * Linux only: it looks for processes in /proc.
 *
 *   npm run torture -- [--kills 100] [--seed N]
 *
 * Exit status: 0 every promise was kept, 1 one was broken, 2 it could not be tried.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { attack } from './torture/attack.js';
import { inspect, type Figures } from './torture/inspect.js';
import { kill, processesWith } from './torture/processes.js';
import { makeReferences } from './torture/references.js';

const count = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
};

/** Longer than any run on a machine that is fit for it. */
const limitMs = (kills: number): number => 120_000 + kills * 10_000;

function print({ figures, broken }: Figures): void {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(width)}  ${value}`);
  for (const promise of broken) console.error(`BROKEN: ${promise}`);
  console.log(broken.length === 0 ? 'Every promise was kept.' : `${broken.length} promises were broken.`);
}

/** Leaves no process behind. */
function end(folder: string, status: number): never {
  for (const pid of processesWith('TORTURE', folder)) kill(pid);
  process.exit(status);
}

async function main(): Promise<void> {
  const { kills, seed } = new Command('torture')
    .description('Kills the service again and again, and counts what it must never lose')
    .option('--kills <n>', 'how many kills', count, 100)
    .option('--seed <n>', 'repeats the choices of an earlier run', count, Date.now() % 1_000_000)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse()
    .opts<{ kills: number; seed: number }>();
  console.log(`seed ${seed}`);
  const folder = await mkdtemp(join(tmpdir(), 'torture-'));
  const deadline = setTimeout(() => {
    console.error(
      `BROKEN: the run did not end within ${limitMs(kills) / 1000} s; its files are in ${folder}`,
    );
    end(folder, 1);
  }, limitMs(kills));
  process.once('SIGINT', () => end(folder, 2));
  try {
    const references = await makeReferences(folder);
    const history = await attack({ folder, kills, seed, references });
    const result = await inspect(history, references);
    clearTimeout(deadline);
    print(result);
    if (result.broken.length > 0) end(folder, 1);
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    console.error(error);
    end(folder, 2);
  }
}

await main();
