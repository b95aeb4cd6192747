import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Log lines so far, parsed. */
  readonly log: Record<string, unknown>[];
  /** Sends a signal and waits for the end. Gives exit code or signal. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | string>;
}

/** Starts the built service as a user's machine would, on a free port of loopback. */
export async function startServer(env: Record<string, string>): Promise<ServerProcess> {
  const child = spawn(process.execPath, [entry], {
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    let complaint = '';
    child.stderr.on('data', (data) => (complaint += String(data)));
    child.once('close', (code) => reject(new Error(`The server ended with ${code}: ${complaint}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      log.push(entry);
      if (String(entry.msg).startsWith('taking requests')) resolve(`http://127.0.0.1:${String(entry.port)}`);
    });
  });
  const end = async (signal: NodeJS.Signals): Promise<number | string> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
    }
    return child.signalCode ?? child.exitCode ?? -1;
  };
  return { url, child, log, end };
}

export type TaskJson = Record<string, unknown> & { readonly id: string; readonly status: string };

export async function post(
  url: string,
  fields: Record<string, string>,
  picture?: Uint8Array,
): Promise<TaskJson> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  if (picture) body.append('image', new Blob([new Uint8Array(picture)]), 'picture.jpg');
  const response = await fetch(`${url}/img2vid`, { method: 'POST', body });
  const task = (await response.json()) as TaskJson;
  if (response.status !== 200) throw new Error(JSON.stringify(task));
  return task;
}

/** Polls a task, as a dashboard does, until it satisfies `holds`. */
export async function poll(url: string, id: string, holds: (task: TaskJson) => boolean): Promise<TaskJson> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const task = (await (await fetch(`${url}/status?id=${id}`)).json()) as TaskJson;
    if (holds(task)) return task;
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${JSON.stringify(task)}`);
    await pause(20);
  }
}

export const hasEnded = ({ status }: TaskJson): boolean => status === 'completed' || status === 'error';

/** Waits for a line of the log: lines come through a pipe, and may be later than an answer that tells of the same. */
export async function logged(
  { log }: ServerProcess,
  fields: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const line = log.findLast((line) =>
      Object.entries(fields).every(([name, value]) => line[name] === value),
    );
    if (line) return line;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${JSON.stringify(fields)} in the log`);
    await pause(20);
  }
}
