// `new --auto-external-endpoint`: a public resolver is asked, and the address from which the question came is taken.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Host, Lab, type Router } from '../lab.ts';
import { SERVER } from './small-network.ts';

let lab: Lab;
let router: Router;
let server: Host;
beforeEach(async () => {
  lab = await Lab.create();
  router = await lab.router('home');
  server = await lab.host('server', { behind: router });
});
afterEach(() => lab.close());

/** The address that OpenDNS has. */
const RESOLVER = '208.67.222.222';

/** Answers every question of DNS with the address of who asks: header, the question again, one record of 4 bytes. */
const DNS = `
  const socket = require('dgram').createSocket('udp4');
  socket.on('message', (question, from) => {
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.fill(0, 8);
    let end = 12;
    while (question[end] !== 0) end += question[end] + 1;
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...from.address.split('.').map(Number)]);
    socket.send(Buffer.concat([head, question.subarray(12, end + 5), record]), from.port, from.address);
  });
  socket.bind(53, '${RESOLVER}', () => console.log('ready'));
`;

const create = () =>
  server.exec([
    ...[...SERVER, 'new', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16'],
    ...['--auto-external-endpoint', '--listen-port', '51821', '--yes'],
  ]);

it('takes the address that its router has', async () => {
  const resolver = await lab.host('resolver');
  await resolver.sure(['ip', 'address', 'add', `${RESOLVER}/32`, 'dev', 'eth0']);
  await router.sure(['ip', 'route', 'add', RESOLVER, 'via', resolver.address]);
  await resolver.spawn([process.execPath, '-e', DNS]).line(/ready/);
  expect((await create()).code).toBe(0);
  const peers = JSON.parse(await server.sure([...SERVER, 'list-peers', 'acme', '--json']));
  expect(peers[0].endpoint).toBe(`${router.address}:51821`);
});

it('says what to do where nobody answers, and makes nothing', async () => {
  const { code, stderr } = await create();
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/no public DNS resolver could be asked[\s\S]*hint: name it: --external-endpoint/),
  ]);
  expect((await server.exec(['test', '-e', '/etc/innernet-server/acme.conf'])).code).toBe(1);
});
