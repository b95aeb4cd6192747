import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from './client.js';
import { CLIPS } from './clips.js';
import { follow, type Outcome } from './follow.js';
import { Random } from './random.js';
import { environmentIn, type References } from './references.js';
import { TorturedService } from './tortured-service.js';
import { WebhookReceiver } from './webhook-receiver.js';

interface Acknowledged {
  readonly outcome: Promise<Outcome>;
  readonly webhook: boolean;
}

/** What happened, for the inspection. */
export interface History {
  readonly service: TorturedService;
  readonly client: Client;
  readonly receiver: WebhookReceiver;
  /** Where the service's files lie. */
  readonly data: string;
  /** The value of `TORTURE` in the environment of its processes. */
  readonly mark: string;
  readonly tasks: ReadonlyMap<string, Acknowledged>;
  readonly restarts: number;
}

interface AttackOptions {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  readonly references: References;
}

/** Tasks under way at a time: some always wait. */
const AT_A_TIME = 5;
/** From one blow to the next. */
const INTERVAL_MS = [50, 3500] as const;
/** Of the blows that wait until the service takes requests; the others meet it as it starts, too. */
const PATIENT_SHARE = 0.75;
const RESTART_SHARE = 0.08;

/** Keeps the service busy while it is killed, until it was so often enough. */
export async function attack({ folder, kills, seed, references }: AttackOptions): Promise<History> {
  const receiver = await WebhookReceiver.open();
  const random = new Random(seed);
  const env = { ...environmentIn(folder, 'data'), WEBHOOK_ALLOW_ORIGINS: receiver.origin };
  const service = new TorturedService(env, random);
  const client = new Client(() => service.url(), references.picture);
  const tasks = new Map<string, Acknowledged>();
  let over = false;
  let restarts = 0;

  const customer = async (choices: Random): Promise<void> => {
    while (!over) {
      const webhook = choices.chance(0.5);
      const path = choices.pick(['/tasks', '/img2vid'] as const);
      const address = webhook ? `${receiver.origin}/` : undefined;
      const id = await client.submit(choices.pick(CLIPS), path, choices.chance(0.5), address);
      const outcome = follow(client, id);
      tasks.set(id, { outcome, webhook });
      await outcome;
    }
  };
  const customers = Array.from({ length: AT_A_TIME }, (_, i) => customer(new Random(seed + 1 + i)));

  const strikes = async (): Promise<void> => {
    while (Object.values(service.kills).reduce((a, b) => a + b) < kills) {
      if (random.chance(PATIENT_SHARE)) await service.url();
      await pause(random.between(...INTERVAL_MS));
      if (random.chance(RESTART_SHARE)) {
        restarts++;
        await service.restart();
      } else await service.strike();
    }
    over = true;
  };
  // Together, so that a customer who gives up ends the run at once.
  await Promise.all([strikes(), ...customers]);
  return { service, client, receiver, data: join(folder, 'data'), mark: folder, tasks, restarts };
}
