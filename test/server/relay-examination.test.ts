// What `innernet-server doctor` says of the relay: the sentence that people miss elsewhere is that a port is closed.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isUdpPortOpen } from '../../src/relay/udp-port.ts';
import { judgeRelay, type RelayFacts } from '../../src/server/verbs/relay-examination.ts';

const facts: RelayFacts = {
  network: 'acme',
  port: 51821,
  isServed: true,
  isPortOpen: true,
  behindRouters: 3,
  heard: 2,
  byKernel: 12,
};

describe('the relay', () => {
  it.each<[string, Partial<RelayFacts>, string, RegExp]>([
    ['that is there', {}, 'ok', /2 peers were heard there; the kernel has passed on 12/],
    ['without nftables', { byKernel: null }, 'warning', /innernet-server passes data on, which is slower/],
    ['that nobody has set', { port: undefined }, 'ok', /none: .*set-relay acme/],
    ['of a server that does not run', { isServed: false, isPortOpen: false }, 'warning', /not served/],
    ['whose port another program has', { isPortOpen: false }, 'warning', /51821 is not open here/],
    [
      'behind a closed port',
      { heard: 0 },
      'warning',
      /3 peers behind routers were told of UDP port 51821, and none was heard/,
    ],
    ['that one peer alone needs', { heard: 0, behindRouters: 1 }, 'ok', /0 peers were heard/],
  ])('%s', (_, over, grade, found) =>
    expect(judgeRelay({ ...facts, ...over })).toMatchObject({ grade, found: expect.stringMatching(found) }),
  );

  it('is given away by an open port of either family', async () => {
    for (const [type, host] of [
      ['udp4', '127.0.0.1'],
      ['udp6', '::1'],
    ] as const) {
      const socket = createSocket(type);
      socket.bind(0, host);
      await once(socket, 'listening');
      const { port } = socket.address();
      expect(isUdpPortOpen(port)).toBe(true);
      socket.close();
      await once(socket, 'close');
      expect(isUdpPortOpen(port)).toBe(false);
    }
  });
});
