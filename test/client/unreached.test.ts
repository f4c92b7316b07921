// Why a peer is not reached, from what the server sees of both ends.
import { describe, expect, it } from 'vitest';
import { type Ends, unreachedReason } from '../../src/client/tunnels/unreached.ts';
import type { Observation } from '../../src/protocol/rows.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';

const seen = (endpoint: string | null, ...candidates: string[]): Observation => ({
  id: 5 as PeerId,
  endpoint: endpoint as SocketAddress | null,
  candidates: candidates as SocketAddress[],
});
const place = '203.0.113.7:51820' as SocketAddress;

/** Both keep their port and have named an address of their own. */
const ends: Ends = {
  own: seen('203.0.113.5:41000', '192.168.1.5:41000'),
  peer: seen('203.0.113.7:51820', '192.168.1.7:51820'),
  listenPort: 41000,
  places: [place],
};
const own = seen('203.0.113.5:9999', '192.168.1.5:41000');
const peer = seen('203.0.113.7:9999', '192.168.1.7:51820');

describe('a peer is not reached', () => {
  it.each<[string, Partial<Ends>, string]>([
    ['both routers change ports', { own, peer }, 'the routers of both ends change ports (symmetric NAT)'],
    ['its router does', { peer }, 'its router changes its port (symmetric NAT), or it is offline'],
    [
      'the router here does',
      { own },
      'the router here changes the port (symmetric NAT), or the peer is offline',
    ],
    [
      'it was never heard',
      { peer: seen(null), places: [] },
      'offline: the server has not heard it, and no address of it is known',
    ],
    [
      'it names no candidates',
      { peer: seen('203.0.113.7:51820') },
      'no answer from where the server saw it last, and it names no other address: offline, or UDP is blocked',
    ],
    ['nothing answers', {}, 'no answer from any of its addresses: offline, or UDP is blocked'],
  ])('%s', (_, more, reason) => expect(unreachedReason({ ...ends, ...more })).toBe(reason));
});
