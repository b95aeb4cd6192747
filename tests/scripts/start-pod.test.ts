import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox } from './sandbox.js';

let box: Sandbox;
let volume: string;

beforeEach(() => {
  box = new Sandbox();
  volume = join(box.root, 'volume');
  mkdirSync(volume);
  box.env.VOLUME_DIR = volume;
  box.take('scripts/start-pod.sh');
  box.write('package-lock.json', '{"lockfileVersion":3}');
  box.write('scripts/install-cuda.sh', 'echo install-cuda >> "$LOG"');
  box.stub('nvidia-smi', 'echo "GPU 0: stand-in"');
  box.stub('git', 'echo "git $*" >> "$LOG"');
  box.stub(
    'npm',
    'echo "npm $* in $PWD DATA_DIR=$DATA_DIR MODELS_DIR=$MODELS_DIR PORT=$PORT ort=$ONNXRUNTIME_NODE_INSTALL" >> "$LOG"',
    'if [[ $1 == ci ]]; then rm -rf node_modules && mkdir node_modules; fi',
  );
});
afterEach(() => box.remove());

const start = (env: Record<string, string> = {}) => box.run('scripts/start-pod.sh', env);
const commands = () => box.logged().map((line) => line.split(' ').slice(0, 2).join(' '));

describe('start-pod.sh', () => {
  test('installs packages and provider, then starts the service with its data on the volume', () => {
    const { status } = start();
    expect(status).toBe(0);
    const places = `DATA_DIR=${volume}/data MODELS_DIR=${volume}/models PORT=5000`;
    expect(box.logged()).toEqual([
      `npm ci --include=dev --no-audit --no-fund in ${box.project} ${places} ort=skip`,
      'install-cuda',
      `npm start in ${box.project} ${places} ort=`,
    ]);
    expect(readdirSync(volume).sort()).toEqual(['data', 'models']);
  });

  test('a second time keeps the packages, until the lock file changes', () => {
    start();
    box.logged();
    expect(start().status).toBe(0);
    expect(commands()).toEqual(['install-cuda', 'npm start']);
    box.write('package-lock.json', '{"lockfileVersion":3,"packages":{}}');
    expect(start().status).toBe(0);
    expect(commands()).toEqual(['npm ci', 'install-cuda', 'npm start']);
  });

  test('respects DATA_DIR, MODELS_DIR and PORT', () => {
    const own = { DATA_DIR: join(box.root, 'my data'), MODELS_DIR: join(box.root, 'm'), PORT: '8080' };
    expect(start(own).status).toBe(0);
    expect(box.logged().at(-1)).toContain(`DATA_DIR=${own.DATA_DIR} MODELS_DIR=${own.MODELS_DIR} PORT=8080`);
    expect(existsSync(own.DATA_DIR)).toBe(true);
  });

  test('without a volume says so and keeps the data in the project', () => {
    const { status, stderr } = start({ VOLUME_DIR: join(box.root, 'no volume') });
    expect(status).toBe(0);
    expect(stderr).toMatch(/No volume at .*lost/);
    expect(box.logged().at(-1)).toContain(`DATA_DIR=${box.project}/data MODELS_DIR=${box.project}/models`);
  });

  test.each([
    [
      'there is no GPU',
      () => box.stub('nvidia-smi', 'exit 9'),
      /no NVIDIA GPU was found.*CPU/,
      ['npm ci', 'npm start'],
    ],
    [
      'the provider cannot be installed',
      () => box.write('scripts/install-cuda.sh', 'echo install-cuda >> "$LOG"; exit 1'),
      /CUDA provider could not be installed.*CPU/,
      ['npm ci', 'install-cuda', 'npm start'],
    ],
  ])('warns and starts on the CPU when %s', (_, prepare, warning, expected) => {
    prepare();
    const { status, stderr } = start();
    expect(status).toBe(0);
    expect(stderr).toMatch(warning);
    expect(commands()).toEqual(expected);
  });

  test('ends with the reason when the packages cannot be installed, and tries them again the next time', () => {
    box.stub('npm', 'echo "npm $*" >> "$LOG"', 'mkdir -p node_modules', 'echo "no network" >&2', 'exit 7');
    const { status, stderr } = start();
    expect(status).toBe(7);
    expect(stderr).toMatch(/no network\n.*Could not start/);
    expect(commands()).toEqual(['npm ci']);
    start();
    expect(commands()).toEqual(['npm ci']);
  });

  test('passes the exit status of the service on', () => {
    start();
    box.stub('npm', 'exit 42');
    expect(start().status).toBe(42);
  });
});

describe('start-pod.sh where Node.js is missing or old', () => {
  const name = 'node-v20.19.0-linux-x64';

  beforeEach(() => {
    const tools = join(box.root, 'tools'); // all that the script may count on, and no Node.js
    mkdirSync(tools);
    for (const tool of 'bash env dirname mkdir mktemp sha256sum tar gzip rm mv cut cat'.split(' ')) {
      symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(tools, tool));
    }
    box.env.PATH = `${box.bin}:${tools}`;
    box.stub('node', 'echo old >> "$LOG"; exit 1');
    const release = join(box.root, name, 'bin');
    mkdirSync(release, { recursive: true });
    symlinkSync(process.execPath, join(release, 'node'));
    writeFileSync(join(release, 'npm'), '#!/bin/bash\necho "installed npm $*" >> "$LOG"\n', { mode: 0o755 });
    execFileSync('tar', ['-czf', join(box.root, 'release.tar.gz'), '-C', box.root, name]);
    box.stub('curl', 'echo "curl ${@: -1}" >> "$LOG"', `cat ${box.root}/release.tar.gz > "\${@:5:1}"`);
  });

  test('refuses a download with a wrong checksum and starts nothing', () => {
    const { status, stderr } = start();
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/did NOT match/);
    expect(box.logged().filter((line) => line !== 'old')).toEqual([
      `curl https://nodejs.org/dist/v20.19.0/${name}.tar.gz`,
    ]);
    expect(readdirSync(volume).sort()).toEqual(['data', 'models']);
  });

  test('installs it on the volume, once', () => {
    // The stand-in release cannot have the real one's checksum; only this one check is waived.
    box.stub(
      'sha256sum',
      `if [[ $* == '-c --quiet -' ]]; then cat > /dev/null; else ${box.root}/tools/sha256sum "$@"; fi`,
    );
    expect(start({ NODE_MIRROR: 'http://127.0.0.1:9/mirror' }).status).toBe(0);
    expect(box.logged().filter((line) => line !== 'old')).toEqual([
      `curl http://127.0.0.1:9/mirror/v20.19.0/${name}.tar.gz`,
      'installed npm ci --include=dev --no-audit --no-fund',
      'install-cuda',
      'installed npm start',
    ]);
    expect(readdirSync(volume).sort()).toEqual(['data', 'models', name].sort());
    expect(start().status).toBe(0);
    expect(box.logged().filter((line) => line !== 'old')).toEqual(['install-cuda', 'installed npm start']);
  });
});
