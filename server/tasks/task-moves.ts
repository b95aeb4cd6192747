import { sql, type UpdateObject } from 'kysely';
import type { Tables } from './database.js';
import type { TaskError, TaskProgress, TaskResult, TaskStage, TaskStatus } from './task.js';

/** One change of a task's state: the states it may be in, and what its row says then. */
export interface Move {
  readonly from: readonly TaskStatus[];
  readonly values: UpdateObject<Tables, 'tasks', 'tasks'>;
  /** Its progress in the new state, where it runs. */
  readonly live?: TaskProgress;
}

const UNFINISHED: readonly TaskStatus[] = ['queued', 'processing'];

/** A stage at its beginning. */
export const progressAt = (stage: TaskStage, progress: number): TaskProgress => ({
  stage,
  step: null,
  steps: null,
  part: null,
  parts: null,
  progress,
});

/** What a row keeps of where a task was. */
const columnsOf = ({ stage, step, steps, progress }: TaskProgress): Move['values'] => ({
  stage,
  step,
  steps,
  progress,
});

export const toStarted = (stage: TaskStage): Move => ({
  from: ['queued'],
  values: { status: 'processing', stage, started_at: Date.now(), progress: 0 },
  live: progressAt(stage, 0),
});

export const toBegun = (progress: number): Move => ({
  from: UNFINISHED,
  values: {
    status: 'processing',
    stage: 'encode',
    started_at: sql<number>`coalesce(started_at, ${Date.now()})`,
    attempts: sql<number>`attempts + 1`,
    progress,
  },
  live: progressAt('encode', progress),
});

export const toCompleted = (result: TaskResult, steps: number, warnings?: readonly string[]): Move => ({
  from: ['processing'],
  values: {
    status: 'completed',
    stage: null,
    step: steps,
    steps,
    progress: 1,
    ended_at: Date.now(),
    result: JSON.stringify(result),
    ...(warnings ? { warnings: JSON.stringify(warnings) } : {}),
  },
});

export const toFailed = (error: TaskError, live: TaskProgress | undefined): Move => ({
  from: UNFINISHED,
  values: {
    status: 'error',
    ...(live && columnsOf(live)),
    ended_at: Date.now(),
    error: JSON.stringify(error),
  },
});

/** Why a task that ran waits again: its run was ended for no fault of its own, its worker died, or the whole service did. */
export type Interruption = 'stopped' | 'crashed' | 'lost';

export const toQueued = (why: Interruption): Move => ({
  from: ['processing'],
  values: {
    status: 'queued',
    stage: null,
    step: null,
    steps: null,
    progress: 0,
    started_at: null,
    ...(why === 'crashed' ? { crashes: sql<number>`crashes + 1` } : {}),
    ...(why === 'lost' ? {} : { attempts: 0 }),
  },
});

/** What a source has to say of the picture it gave. */
export interface PictureNotes {
  readonly placeholder: boolean;
  readonly note?: string;
}

/** What a row says then. Saying it again adds nothing. */
export const pictureNotes = ({ placeholder, note }: PictureNotes): Move['values'] => ({
  ...(placeholder ? { placeholder: 1 } : {}),
  ...(note === undefined
    ? {}
    : {
        warnings: sql<string>`CASE WHEN instr(warnings, ${JSON.stringify(note)}) > 0 THEN warnings
          ELSE json_insert(warnings, '$[#]', ${note}) END`,
      }),
});
