// What a program without any right can do to a peer's own client: connections that say nothing, streams with the server's
// public key, and calls without end. Says each second what it has done so far, as JSON.
// @ts-check
import { connect } from 'node:net';

const [server = '', key = ''] = process.argv.slice(2);
const [host = '', port = ''] = server.split(':');
const done = { idle: 0, streams: 0, opened: 0, calls: 0, answered: 0 };

/** Without a rest the packets alone fill the tunnel of a slow machine, which no server can help. */
const REST_MS = 25;

/** @param {string} line @param {string[]} more */
const head = (line, ...more) =>
  [`${line} HTTP/1.1`, `Host: ${server}`, `X-Innernet-Server-Key: ${key}`, ...more, '', ''].join('\r\n');

const UPGRADE = head(
  'GET /v1/user/stream',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Protocol: innernet.v1',
);

/** Keeps one connection up for ever: when it is closed, a new one is made. @param {(socket: import('node:net').Socket) => void} say */
const keep = (say) => {
  const socket = connect(Number(port), host);
  socket.on('error', () => {});
  socket.once('connect', () => say(socket));
  socket.once('close', () => setTimeout(() => keep(say), REST_MS));
};

for (let n = 0; n < 64; n++)
  keep(() => {
    done.idle += 1;
  });
for (let n = 0; n < 8; n++)
  keep((socket) => {
    done.streams += 1;
    socket.once('data', (data) => {
      if (data.toString('latin1').includes(' 101 ')) done.opened += 1;
    });
    socket.write(UPGRADE);
  });
for (let n = 0; n < 8; n++)
  keep((socket) => {
    const call = () => {
      done.calls += 1;
      socket.write(head('GET /v1/user/state'));
    };
    socket.on('data', () => {
      done.answered += 1;
      setTimeout(call, 5);
    });
    call();
  });

setInterval(() => console.log(JSON.stringify(done)), 1000);
