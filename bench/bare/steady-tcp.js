// TCP at a steady rate: `take PORT` reads and discards; `send HOST PORT MBIT [SECONDS]` sends, as much as there is room for with 0.
// @ts-check
// Says how many bytes passed, once a connection ends.
import { connect, createServer } from 'node:net';

const EVERY_MS = 10;
const CHUNK = Buffer.alloc(64 * 1024);
const [what, ...rest] = process.argv.slice(2);

const take = (/** @type {number} */ port) => {
  const server = createServer((socket) => {
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.on('error', () => {});
    socket.on('close', () => console.log(`took ${bytes}`));
  });
  server.listen(port, () => console.log('ready'));
};

const send = (
  /** @type {string} */ host,
  /** @type {number} */ port,
  /** @type {number} */ rate,
  /** @type {number} */ seconds,
) => {
  const socket = connect(port, host, () => {
    const begin = performance.now();
    console.log('connected');
    let sent = 0;
    const end = () => {
      console.log(`sent ${socket.bytesWritten} in ${(performance.now() - begin).toFixed(0)} ms`);
      socket.destroy();
      process.exit();
    };
    process.once('SIGINT', end);
    if (seconds > 0) setTimeout(end, seconds * 1000);
    if (rate === 0) {
      const more = () => {
        while (socket.write(CHUNK));
      };
      socket.on('drain', more);
      more();
      return;
    }
    setInterval(() => {
      const due = (rate / 8) * 1000 * (performance.now() - begin) - sent;
      // What cannot be sent now is not made up for later: the rate stays the rate.
      if (due > 0 && socket.writableLength < CHUNK.length)
        socket.write(CHUNK.subarray(0, Math.min(due, CHUNK.length)));
      sent += Math.max(0, due);
    }, EVERY_MS);
  });
  socket.on('error', (error) => {
    console.log(`error: ${error.message}`);
    process.exit(1);
  });
};

if (what === 'take') take(Number(rest[0]));
else send(String(rest[0]), Number(rest[1]), Number(rest[2]), Number(rest[3] ?? 0));
