import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder with a `bin` of stand-in programs that goes before the machine's own, and a log that they write. */
export class Sandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'img2vid-scripts-'));
  readonly bin = join(this.root, 'bin');
  readonly project = join(this.root, 'project');
  readonly log = join(this.root, 'log');
  readonly env: Record<string, string> = {
    PATH: `${this.bin}:/usr/local/bin:/usr/bin:/bin`,
    HOME: this.root,
    LOG: this.log,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'test',
    GIT_AUTHOR_EMAIL: 'test@localhost',
    GIT_COMMITTER_NAME: 'test',
    GIT_COMMITTER_EMAIL: 'test@localhost',
  };

  constructor() {
    mkdirSync(this.bin);
    mkdirSync(this.project);
  }

  /** Writes a file below the project. */
  write(path: string, text: string): void {
    const file = join(this.project, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Copies a script of ours to the same place below the project. */
  take(path: string): void {
    this.write(path, '');
    cpSync(path, join(this.project, path));
  }

  /** A stand-in program; its body runs under bash with the log's path in $LOG. */
  stub(name: string, ...body: readonly string[]): void {
    const file = join(this.bin, name);
    writeFileSync(file, ['#!/bin/bash', ...body, ''].join('\n'));
    chmodSync(file, 0o755);
  }

  run(script: string, env: Record<string, string> = {}, args: readonly string[] = []) {
    const { status, stdout, stderr } = spawnSync('bash', [join(this.project, script), ...args], {
      cwd: this.root,
      env: { ...this.env, ...env },
      encoding: 'utf8',
      timeout: 25_000,
    });
    return { status, stdout, stderr };
  }

  /** What the stand-ins wrote since the last call, by lines. */
  logged(): string[] {
    if (!existsSync(this.log)) return [];
    const lines = readFileSync(this.log, 'utf8').split('\n').filter(Boolean);
    rmSync(this.log);
    return lines;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A running command line whose output can be waited for. */
export class Running {
  readonly child: ChildProcess;
  output = '';
  readonly ended: Promise<number | null>;
  #waiting: { pattern: RegExp; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(line: string, env: Record<string, string>) {
    this.child = spawn('bash', ['-c', line], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
          if (!pattern.test(this.output)) return true;
          resolve();
          return false;
        });
      });
    }
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    void this.ended.then(() => {
      for (const { pattern, reject } of this.#waiting)
        reject(new Error(`ended before ${pattern}:\n${this.output}`));
    });
  }

  /** As a pod is stopped: asked, and killed if it does not heed. Gives the exit status. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    const status = await this.ended;
    clearTimeout(patience);
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.destroy();
    return status;
  }

  /** Resolves when the output matches; rejects when the command ends before. */
  saw(pattern: RegExp): Promise<void> {
    if (pattern.test(this.output)) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ pattern, resolve, reject }));
  }
}
