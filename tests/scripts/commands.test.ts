import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Running, Sandbox } from './sandbox.js';

const text = readFileSync('commands.txt', 'utf8');
let box: Sandbox;
let volume: string;
let running: Running | undefined;

beforeEach(() => {
  box = new Sandbox();
  volume = join(box.root, 'volume');
  mkdirSync(volume);
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  box.remove();
});

/** The line as a pod runs it, with the volume elsewhere. */
function pod(env: Record<string, string>): Running {
  running = new Running(text.replace('home=/workspace', `home=${volume}`), { ...box.env, ...env });
  return running;
}

/** Makes the project a repository whose start script has this body. */
function publish(...body: readonly string[]): void {
  box.write('scripts/start-pod.sh', body.join('\n'));
  const git = (...args: string[]) => execFileSync('git', ['-C', box.project, ...args], { env: box.env });
  git('-c', 'init.defaultBranch=main', 'init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'a version');
}

const heed = 'trap "echo asked to stop; exit 0" TERM';
const wait = 'while :; do sleep 1 & wait $!; done';

test('commands.txt is one bash line that names the volume once', () => {
  expect(text).toMatch(/^bash -c '[^'\n]*'\n$/);
  expect(text.split('/workspace')).toHaveLength(2);
});

describe('the start command of the pod', () => {
  test('without REPO_URL says what to do and stays, and can be stopped', async () => {
    const run = pod({});
    await run.saw(/REPO_URL is not set\. Set it/);
    expect(run.child.exitCode).toBeNull();
    expect(await run.stop()).toBe(0);
  });

  test('fetches the repository to the volume, starts it, and hands a stop on to it', async () => {
    publish(heed, 'echo "version one in $PWD/$0"', wait);
    const run = pod({ REPO_URL: box.project });
    await run.saw(new RegExp(`version one in .*${volume}/img2vid/scripts/start-pod.sh`));
    expect(await run.stop()).toBe(0);
    expect(run.output).toContain('asked to stop');
  });

  test('a second time updates what is there and keeps untracked files', async () => {
    publish('echo "version one"', wait);
    const first = pod({ REPO_URL: box.project });
    await first.saw(/version one/);
    await first.stop();
    execFileSync('bash', ['-c', `echo kept > ${volume}/img2vid/untracked; echo spoilt > ${volume}/img2vid/scripts/start-pod.sh`]); // prettier-ignore
    publish('echo "version two"', 'cat "$(dirname "$0")/../untracked"', wait);
    const second = pod({ REPO_URL: box.project });
    await second.saw(/version two\nkept/);
  });

  test('starts what is there when the repository cannot be reached', async () => {
    publish('echo "version one"', wait);
    const first = pod({ REPO_URL: box.project });
    await first.saw(/version one/);
    await first.stop();
    const second = pod({ REPO_URL: join(box.root, 'gone') });
    await second.saw(/WARNING: the repository could not be fetched[\s\S]*version one/);
  });

  test('with a wrong REPO_URL keeps trying and does not end', async () => {
    const run = pod({ REPO_URL: join(box.root, 'gone'), RETRY_SECONDS: '0.01' });
    await run.saw(/(could not be fetched[\s\S]*Trying again in 0\.01 seconds[\s\S]*){2}/);
    expect(run.child.exitCode).toBeNull();
  });

  test('starts a service that ended again, and says how it ended', async () => {
    publish('echo run; exit 3');
    const run = pod({ REPO_URL: box.project, RETRY_SECONDS: '0.01' });
    await run.saw(/run\n[\s\S]*ended with status 3[\s\S]*Trying again[\s\S]*run\n/);
    expect(run.child.exitCode).toBeNull();
  });

  test('takes the branch that REPO_REF names', async () => {
    publish('echo "the main branch"', wait);
    execFileSync('git', ['-C', box.project, 'checkout', '-q', '-b', 'next'], { env: box.env });
    publish('echo "the next branch"', wait);
    execFileSync('git', ['-C', box.project, 'checkout', '-q', 'main'], { env: box.env });
    await pod({ REPO_URL: box.project, REPO_REF: 'next' }).saw(/the next branch/);
  });
});
