// Probes between two ports of this machine, by raw sockets: they need root.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type HeardProbe, Probes } from '../../src/client/tunnels/probes.ts';
import type { Token } from '../../src/protocol/talk-message.ts';
import { endpointOf, type SocketAddress } from '../../src/values/endpoint.ts';

const token = 'AbCdEfGhIjKlMnOpQrStUv'.slice(0, 21).concat('A') as Token;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A port that a program has, as WireGuard has its own. */
const portOn = async (host: string): Promise<number> => {
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  closing.push(() => socket.close());
  return socket.address().port;
};

const probesAt = async (port: number): Promise<{ probes: Probes; next: () => Promise<HeardProbe> }> => {
  const heard: HeardProbe[] = [];
  let wake = () => {};
  const probes = new Probes((probe) => {
    heard.push(probe);
    wake();
  });
  expect(await probes.isAllowed()).toBe(true);
  probes.listen(port);
  closing.push(() => probes.close());
  const next = async (): Promise<HeardProbe> => {
    while (heard.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return heard.shift() as HeardProbe;
  };
  return { probes, next };
};

describe.runIf(process.getuid?.() === 0)('a probe', () => {
  it.each(['127.0.0.1', '::1'])('comes from the port of WireGuard and is heard there: %s', async (host) => {
    const [here, there] = [await portOn(host), await portOn(host)];
    const [one, other] = [await probesAt(here), await probesAt(there)];
    one.probes.send('probe', endpointOf(host, there) as SocketAddress, token, 7);
    expect(await other.next()).toEqual({ kind: 'probe', token, number: 7, from: endpointOf(host, here) });
    other.probes.send('answer', endpointOf(host, here) as SocketAddress, token, 7);
    expect(await one.next()).toEqual({ kind: 'answer', token, number: 7, from: endpointOf(host, there) });
  });

  it('is told from other packets to that port, of which no copy is made', async () => {
    const [here, there] = [await portOn('127.0.0.1'), await portOn('127.0.0.1')];
    const [one, other] = [await probesAt(here), await probesAt(there)];
    const stranger = createSocket('udp4');
    closing.push(() => stranger.close());
    await new Promise((resolve) => stranger.send(Buffer.alloc(148, 1), there, '127.0.0.1', resolve));
    one.probes.send('probe', endpointOf('127.0.0.1', there) as SocketAddress, token, 8);
    expect((await other.next()).number).toBe(8);
  });
});
