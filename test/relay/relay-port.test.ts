// The relay's port over real sockets: both families, and what is said of a port that is taken.
import { createSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { RelayPort } from '../../src/relay/relay-port.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const socketAt = async (type: 'udp4' | 'udp6', host: string, port = 0) => {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.bind(port, host);
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return socket;
};

/** One that nobody has; it is free again. */
const freePort = async (): Promise<number> => {
  const socket = await socketAt('udp4', '0.0.0.0');
  const { port } = socket.address();
  closers.pop()?.();
  return port;
};

it.each([
  ['udp4', '127.0.0.1', '127.0.0.1'],
  ['udp6', '::1', '[::1]'],
] as const)('hears and answers by %s', async (type, host, spelt) => {
  const heard = new EventEmitter();
  const open = await RelayPort.open(await freePort(), (packet, from) =>
    heard.emit('packet', Buffer.from(packet).toString(), from),
  );
  closers.push(() => open.close());
  const peer = await socketAt(type, host);
  const first = once(heard, 'packet');
  peer.send('hello', open.port, host);
  const [text, from] = await first;
  expect([text, from]).toEqual(['hello', `${spelt}:${peer.address().port}`]);
  const answer = once(peer, 'message');
  open.send(Buffer.from('back'), from);
  const [packet, { port }] = await answer;
  expect([packet.toString(), port]).toEqual(['back', open.port]);
});

it.each([
  ['udp4', '0.0.0.0'],
  ['udp6', '::'],
] as const)('is refused where %s has the port, and leaves the other family free', async (type, host) => {
  const { port } = (await socketAt(type, host)).address();
  await expect(RelayPort.open(port, () => {})).rejects.toThrow(
    `UDP port ${port} is taken by another program`,
  );
  await socketAt(type === 'udp4' ? 'udp6' : 'udp4', type === 'udp4' ? '::' : '0.0.0.0', port);
});
