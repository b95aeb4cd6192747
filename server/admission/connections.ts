import type { Server } from 'node:http';
import { OpenCount } from './open-count.js';

/**
 * Bounds the connections of a server, in all and of one address; what is above is closed at once. 0 for no limit.
 */
export function limitConnections(
  server: Server,
  { total, perAddress }: { readonly total: number; readonly perAddress: number },
): void {
  if (total > 0) server.maxConnections = total;
  if (perAddress === 0) return;
  const open = new OpenCount(perAddress);
  server.on('connection', (socket) => {
    const leave = open.enter(socket.remoteAddress ?? '');
    if (leave) socket.once('close', leave);
    else socket.destroy();
  });
}
