import type { TaskProgress } from './task.js';

interface Live {
  readonly owner: string;
  readonly progress: TaskProgress;
}

/** How far tasks are since their rows were written: there is an entry for every task in the state `processing`, and no other. */
export class LiveProgress {
  readonly #live = new Map<string, Live>();

  of(id: string): TaskProgress | undefined {
    return this.#live.get(id)?.progress;
  }

  /** Whose the task is, when it has an entry. */
  ownerOf(id: string): string | undefined {
    return this.#live.get(id)?.owner;
  }

  /** Follows a change of state. Gives the function that takes it back. */
  move(id: string, owner: string, progress: TaskProgress | undefined): () => void {
    const before = this.#live.get(id);
    this.#put(id, progress && { owner, progress });
    return () => this.#put(id, before);
  }

  /** Lower progress than before is raised to it: a bar never runs backwards. False for a task without an entry. */
  report(id: string, progress: TaskProgress): boolean {
    const last = this.#live.get(id);
    if (!last) return false;
    const raised = Math.max(progress.progress, last.progress.progress);
    this.#live.set(id, { owner: last.owner, progress: { ...progress, progress: raised } });
    return true;
  }

  #put(id: string, live: Live | undefined): void {
    if (live) this.#live.set(id, live);
    else this.#live.delete(id);
  }
}
