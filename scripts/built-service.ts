import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export interface BuiltService {
  readonly child: ChildProcess;
  /** Resolves to its address once it takes requests; rejects when it ends before. */
  readonly url: Promise<string>;
}

const entry = fileURLToPath(new URL('../server/main.js', import.meta.url));

/** Starts the built service on a free port of loopback. `onLog` sees each line of its log. */
export function startBuiltService(
  env: Readonly<Record<string, string>>,
  onLog: (line: LogLine) => void = () => undefined,
): BuiltService {
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = new Promise<string>((resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`The service ended with ${signal ?? code}`)));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as LogLine;
      onLog(line);
      if (line.msg.startsWith('taking requests')) resolve(`http://127.0.0.1:${String(line.port)}`);
    });
  });
  return { child, url };
}
