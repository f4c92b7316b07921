// Yardstick: a program that does nothing but hold one WebSocket open, its server in another process; nothing of ours.
// @ts-check
import { WebSocket, WebSocketServer } from 'ws';

if (process.send) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket) => {
    setInterval(() => socket.ping(), 20_000).unref();
  });
  server.on('listening', () =>
    process.send?.(/** @type {import('node:net').AddressInfo} */ (server.address()).port),
  );
  process.on('disconnect', () => process.exit(0));
} else {
  const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}`, { perMessageDeflate: false });
  socket.on('open', () => console.log('connected'));
}
