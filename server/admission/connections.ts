import type { Server } from 'node:http';

/**
 * Bounds the connections of a server, in all and of one address; what is above is closed at once. 0 for no limit.
 */
export function limitConnections(
  server: Server,
  { total, perAddress }: { readonly total: number; readonly perAddress: number },
): void {
  if (total > 0) server.maxConnections = total;
  if (perAddress === 0) return;
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    const others = open.get(address) ?? 0;
    if (others >= perAddress) {
      socket.destroy();
      return;
    }
    open.set(address, others + 1);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
