import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { startBuiltService, type BuiltService, type LogLine } from '../built-service.js';
import { childrenOf, isRunning, kill } from './processes.js';
import type { Random } from './random.js';

/** How long the children of a server that has ended are watched. */
const ORPHAN_LIMIT_MS = 30_000;

/** The service under attack: it is started again as soon as it dies, as by whoever looks after a pod. */
export class TorturedService {
  readonly log: LogLine[] = [];
  readonly kills = { server: 0, worker: 0, both: 0 };
  /** Deaths of the server that nobody dealt. */
  deaths = 0;
  /** The longest time for which a child outlived its server, in milliseconds. */
  longestOrphan = 0;
  readonly #env: Readonly<Record<string, string>>;
  readonly #random: Random;
  #service: BuiltService;
  #stopping = false;
  /** The servers that have been dealt their end. */
  readonly #doomed = new WeakSet<BuiltService>();

  constructor(env: Readonly<Record<string, string>>, random: Random) {
    this.#env = env;
    this.#random = random;
    this.#service = this.#start();
  }

  /** Its address, once it takes requests. @throws Error when it does not come to that by itself */
  async url(): Promise<string> {
    for (;;) {
      const service = this.#service;
      try {
        return await service.url;
      } catch (error) {
        if (this.#stopping || !this.#doomed.has(service)) throw error;
        await pause(20);
      }
    }
  }

  /** Kills the server, one of its children, or both in either order. */
  async strike(): Promise<void> {
    const server = this.#service.child.pid ?? 0;
    const children = childrenOf(server);
    const target = this.#random.pick(['server', 'worker', 'both'] as const);
    const victims = {
      server: [server],
      worker: children.length > 0 ? [this.#random.pick(children)] : [],
      both: this.#random.chance(0.5) ? [server, ...children] : [...children, server],
    }[target];
    if (target !== 'worker') this.#doomed.add(this.#service);
    const killed = victims.filter((pid) => kill(pid));
    if (killed.length === 0) return;
    this.kills[target]++;
    if (target !== 'worker') await this.#seeOrphansEnd(children);
  }

  /** Stops the service in good order and starts it again. */
  async restart(): Promise<void> {
    const { child } = this.#service;
    const children = childrenOf(child.pid ?? 0);
    this.#doomed.add(this.#service);
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await this.#seeOrphansEnd(children);
  }

  /** Stops the service in good order. Gives its exit code, or the signal that ended it. */
  async stop(): Promise<number | string | null> {
    await this.url();
    this.#stopping = true;
    await this.restart();
    const { exitCode, signalCode } = this.#service.child;
    return exitCode ?? signalCode;
  }

  #start(): BuiltService {
    const service = startBuiltService(this.#env, (line) => this.log.push(line));
    service.url.catch(() => undefined); // whoever asks for the address is told
    service.child.once('exit', () => {
      if (!this.#doomed.has(service)) this.deaths++;
      if (!this.#stopping) this.#service = this.#start();
    });
    return service;
  }

  async #seeOrphansEnd(children: readonly number[]): Promise<void> {
    const since = performance.now();
    while (children.some(isRunning) && performance.now() - since < ORPHAN_LIMIT_MS) await pause(10);
    this.longestOrphan = Math.max(this.longestOrphan, performance.now() - since);
  }
}
