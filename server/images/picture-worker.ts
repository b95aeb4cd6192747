/**
 * The process that decodes, composes and encodes pictures, one call at a time over IPC; started by PictureProcess. Whatever
 * a hostile picture does to a decoder, it does here.
 */
import { ServiceError } from '../errors.js';
import { localPictureWork } from './local-picture-work.js';
import type { FromPictureWorker, PictureCall } from './picture-work.js';
import { sharp } from './safe-sharp.js';

/** The arguments of a call come from our own parent: they are what the operation takes. */
const operations = localPictureWork as unknown as Readonly<
  Record<PictureCall['operation'], (...args: readonly unknown[]) => Promise<unknown>>
>;

/** The parent is gone. An exit would wait for a decoder that is at work; this does not. */
const end = (): boolean => process.kill(process.pid, 'SIGKILL');

const send = (message: FromPictureWorker): void => {
  process.send?.(message, (error: Error | null) => error && end());
};

async function take({ operation, args }: PictureCall): Promise<void> {
  try {
    send({ type: 'done', result: await operations[operation](...args) });
  } catch (error) {
    if (error instanceof ServiceError) {
      const { status, code, message, field, allowed } = error;
      send({ type: 'refused', error: { status, code, message, field, allowed } });
    } else {
      send({ type: 'failed', message: (error as Error).stack ?? String(error) });
    }
  }
}

// One picture is decoded at a time: nothing is worth remembering, and threads of its own would only cost memory.
sharp.cache(false);
sharp.concurrency(1);
process.on('message', (call: PictureCall) => void take(call));
process.on('disconnect', end);
// A stop of the whole group is the parent's to carry out.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
send({ type: 'ready' });
