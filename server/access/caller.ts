import type { Context } from 'koa';
import type { Task } from '../tasks/task.js';

/** Who sends a request. */
export interface Caller {
  /** Whose tasks a request makes; empty where the service is open to everybody. */
  readonly owner: string;
  /** Sees the tasks of all owners. */
  readonly admin: boolean;
}

const ANYBODY: Caller = { owner: '', admin: true };

/** Who sends this request; anybody where no access keys are configured. */
export const callerOf = (ctx: Context): Caller => (ctx.state.caller as Caller | undefined) ?? ANYBODY;

/** Whose tasks a caller sees; undefined for everybody's. */
export const visibleOwner = ({ owner, admin }: Caller): string | undefined => (admin ? undefined : owner);

/** A task that somebody may not see does not exist for them. */
export const maySee = ({ owner, admin }: Caller, task: Pick<Task, 'owner'>): boolean =>
  admin || task.owner === owner;
