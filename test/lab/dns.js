// A name server for tests: knows the names that it is given, prints each question for an IPv4 address, knows no other type.
// @ts-check
//
// Arguments: NAME=ADDRESS …
import { createSocket } from 'node:dgram';

const known = new Map(process.argv.slice(2).map((pair) => /** @type {[string, string]} */ (pair.split('='))));
const A = 1;
const NO_SUCH_NAME = 3;

const socket = createSocket('udp4');
socket.on('message', (question, from) => {
  const labels = [];
  let end = 12;
  for (let length = question[end] ?? 0; length !== 0; length = question[end] ?? 0) {
    labels.push(question.toString('latin1', end + 1, end + 1 + length));
    end += length + 1;
  }
  const name = labels.join('.').toLowerCase();
  const isA = question.readUInt16BE(end + 1) === A;
  if (isA) console.log(`asked ${name}`);
  const address = known.get(name);
  const head = Buffer.alloc(12);
  question.copy(head, 0, 0, 2);
  head.writeUInt16BE(address ? 0x8180 : 0x8180 | NO_SUCH_NAME, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(isA && address ? 1 : 0, 6);
  const bytes = (address ?? '').split('.').map(Number);
  const record =
    isA && address ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...bytes]) : Buffer.alloc(0);
  socket.send(Buffer.concat([head, question.subarray(12, end + 5), record]), from.port, from.address);
});
socket.bind(53, () => console.log('ready'));
