// Yardstick: a plain `ws` server on the loopback device that sends the same bytes to everybody, and a plain HTTP
// server that answers with the same bytes. Nothing of ours.
// @ts-check
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** @type {Set<import('ws').WebSocket>} */
const sockets = new Set();
const PING_EVERY = 20;
let second = 0;
let body = Buffer.alloc(0);

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length });
  response.end(body);
});

/** @type {{ [order: string]: (argument: any) => unknown }} */
const orders = {
  open: ({ port }) => {
    const streams = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
    streams.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('message', () => {});
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    });
    setInterval(() => {
      second = (second + 1) % PING_EVERY;
      let number = 0;
      for (const socket of sockets) if (number++ % PING_EVERY === second) socket.ping();
    }, 1000);
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  },
  /** Sends one text to all; gives when it began. */
  broadcast: ({ text }) => {
    const begin = Number(process.hrtime.bigint()) / 1e6;
    const bytes = Buffer.from(text);
    for (const socket of sockets) socket.send(bytes, { binary: false });
    return begin;
  },
  serve: ({ bytes }) => {
    body = Buffer.alloc(bytes, 'x');
  },
  usage: ({ settled }) => {
    if (settled) for (let round = 0; round < 3; round++) globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    return { cpu: user + system, rss: process.memoryUsage().rss };
  },
};

process.on('message', async (/** @type {any} */ { id, order, with: argument }) => {
  process.send?.({ id, result: await orders[order]?.(argument) });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => {});
