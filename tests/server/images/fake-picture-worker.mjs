/**
 * Speaks the protocol of the picture worker without a decoder: behind the signature of a picture, a word says what the
 * picture does to it.
 */
import { Buffer } from 'node:buffer';
import { existsSync, writeFileSync } from 'node:fs';

const held = [];
const deeds = {
  fine: (send) => send({ type: 'done', result: { pid: process.pid, env: process.env } }),
  refused: (send) =>
    send({ type: 'refused', error: { status: 400, code: 'invalid_image', message: 'No', field: 'image' } }),
  fault: (send) => send({ type: 'failed', message: 'TypeError: what?' }),
  crash: () => process.kill(process.pid, 'SIGSEGV'),
  exit: () => process.exit(0),
  crashOnce: (send, file) => {
    if (existsSync(file)) return deeds.fine(send);
    writeFileSync(file, '');
    deeds.crash();
  },
  hang: () => {
    for (;;);
  },
  // Touches what it takes, or it would not count as resident.
  eat: () => {
    for (;;) held.push(Buffer.alloc(2 ** 24, 1));
  },
  busy: () => undefined,
};

process.on('message', ({ args }) => {
  const [, deed, more] = /##(\w+) ?(\S*)$/.exec(Buffer.from(args[0]).toString('latin1'));
  deeds[deed]((message) => process.send(message), more);
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.send({ type: 'ready' });
