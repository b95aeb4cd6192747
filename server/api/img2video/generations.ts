import { randomBytes } from 'node:crypto';
import type { TaskTable } from '../../tasks/table.js';
import type { Task } from '../../tasks/task.js';

/** What the API's answers say of a generation; kept with its task. */
export interface GenerationOrigin {
  /** As it was given; where it was random, one that gives the same video again. */
  readonly seed: number;
  /** Size of the video, such as `1024x576`. */
  readonly dimensions: string;
  /** The picture had another size. */
  readonly resized: boolean;
}

export const originOf = (task: Task): GenerationOrigin => task.origin.request as unknown as GenerationOrigin;

const ID = /^[0-9a-f]{64}$/;
const VIDEO = /^video_([0-9a-f]{8})_(\d{1,10})\.mp4$/;
/** As much of an id as the name of its video shows. */
const PREFIX = 8;

/** The generations of one owner: tasks by the ids of this API and by the names of their videos. */
export class Generations {
  constructor(
    private readonly table: TaskTable,
    private readonly owner: string,
  ) {}

  /** A new id, such that no other generation shares what the video's name shows of it. */
  async newId(): Promise<string> {
    for (;;) {
      const id = randomBytes(32).toString('hex');
      if ((await this.#withPrefix(id.slice(0, PREFIX))).length === 0) return id;
    }
  }

  /** Undefined where there is none, or it has expired. */
  async find(id: string): Promise<Task | undefined> {
    if (!ID.test(id)) return undefined;
    const task = await this.table.findExternal('img2video', this.owner, id);
    return task && !hasExpired(task) ? task : undefined;
  }

  async findByVideo(name: string): Promise<Task | undefined> {
    const [, prefix, seed] = VIDEO.exec(name) ?? [];
    if (prefix === undefined) return undefined;
    const tasks = await this.#withPrefix(prefix);
    return tasks.find((task) => String(originOf(task).seed) === seed && !hasExpired(task));
  }

  #withPrefix(prefix: string): Promise<Task[]> {
    return this.table.findExternalByPrefix('img2video', this.owner, prefix);
  }
}

/** `video_<first eight of the id>_<seed>`, without its ending. */
export const videoName = (task: Task): string =>
  `video_${task.origin.externalId?.slice(0, PREFIX)}_${originOf(task).seed}`;

/** It may not be deleted yet. */
const hasExpired = ({ expiresAt }: Task): boolean => expiresAt !== null && expiresAt <= Date.now();
