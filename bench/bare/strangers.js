// Packets of all of WireGuard's types, with random rest, as fast as they leave: `HOST PORT SECONDS`. Says how many.
// @ts-check
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const [host = '', port = '', seconds = ''] = process.argv.slice(2);
const PACKETS = [148, 92, 64, 128, 1000].map((length, at) => {
  const packet = randomBytes(length);
  packet.writeUInt32LE(Math.min(at + 1, 4));
  return packet;
});
const AT_ONCE = 100;

const end = performance.now() + Number(seconds) * 1000;
const socket = createSocket('udp4');
let sent = 0;
let waiting = 0;
const more = () => {
  if (performance.now() > end) {
    console.log(`sent ${sent}`);
    process.exit();
  }
  for (; waiting < AT_ONCE; waiting++)
    socket.send(PACKETS[(sent + waiting) % PACKETS.length] ?? '', (error) => {
      waiting -= 1;
      if (!error) sent += 1;
    });
  setImmediate(more);
};
socket.connect(Number(port), host, more);
socket.on('error', () => {});
