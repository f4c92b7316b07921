// Runs inside a host of the lab: a server behind an `ApiSocket`, which says what happens to it, a line each.
import { createServer } from 'node:http';
import { ApiSocket } from '../../src/server/device/api-socket.ts';
import type { Ip } from '../../src/values/ip.ts';

const [device = '', ip = '', port = ''] = process.argv.slice(2);
const server = createServer((_request, response) => response.end('hello'));
const socket = new ApiSocket(server, { device, ip: ip as Ip, port: Number(port) });

const say = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  await socket.open();
  say('listening');
} catch (error) {
  const { message, hint } = error as Error & { hint?: string };
  say(`failed: ${message} (${hint})`);
  process.exit(1);
}

let trouble = '';
setInterval(() => {
  socket.follow().then(
    (isNew) => {
      if (isNew) say('listening anew');
    },
    (error: Error) => {
      if (error.message !== trouble) say(`waiting: ${error.message}`);
      trouble = error.message;
    },
  );
}, 50);
