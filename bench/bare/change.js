// Yardstick: the path of a change with nothing on it. One request through the tunnel, one line on the server's
// disk, one line pushed through the tunnel, one line on the client's disk, one `set` on a device. Nothing of ours.
// @ts-check
//
//   node change.js server ADDRESS FILE      requests on port 7070, streams on port 7071
//   node change.js client ADDRESS FILE DEVICE

import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createStreams } from 'node:net';
import { createInterface } from 'node:readline';

const [role, address = '', file = '', device = ''] = process.argv.slice(2);
const disk = openSync(file, 'a', 0o600);

/** @param {string} line */
function keep(line) {
  writeSync(disk, `${line}\n`);
  fdatasyncSync(disk);
}

function serve() {
  /** @type {Set<import('node:net').Socket>} */
  const streams = new Set();
  createStreams({ noDelay: true }, (socket) => {
    streams.add(socket);
    socket.on('close', () => streams.delete(socket)).on('error', () => {});
  }).listen(7071, address);
  createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      keep(text);
      for (const stream of streams) stream.write(`${text}\n`);
      response.end(text);
    });
  }).listen(7070, address, () => console.log('listening'));
}

/** The text of each line is a set operation, its line ends written as commas. */
function follow() {
  const uapi = connect(`/var/run/wireguard/${device}.sock`);
  uapi.resume();
  const stream = connect({ port: 7071, host: address, noDelay: true }, () => console.log('connected'));
  createInterface({ input: stream }).on('line', (line) => {
    keep(line);
    uapi.write(`${JSON.parse(line).replaceAll(',', '\n')}\n\n`);
  });
}

if (role === 'server') serve();
else follow();
