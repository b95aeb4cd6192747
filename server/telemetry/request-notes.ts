import { AsyncLocalStorage } from 'node:async_hooks';

/** What is learnt of a request while it is handled, for the line about it in the log. */
interface RequestNotes {
  task?: string;
}

const notes = new AsyncLocalStorage<RequestNotes>();

/** Runs what handles a request; `noteTask` within it, however deep, writes to `into`. */
export const withNotes = <T>(into: RequestNotes, handle: () => T): T => notes.run(into, handle);

/** The request at hand is about this task. Nothing outside of a request. */
export const noteTask = (id: string): void => {
  const current = notes.getStore();
  if (current) current.task = id;
};
