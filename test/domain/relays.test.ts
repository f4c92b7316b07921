// Relays: who can be one, what a second word about one means, and what ends one without an event of its own.
import { describe, expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { acme, endpoint, ids } from '../acme.ts';
import { given, type History, networkOf } from '../given.ts';

const { network } = acme;
const set: NetworkEvent = { type: 'RelaySet', peerId: ids.server, port: 51821 };
const cleared: NetworkEvent = { type: 'RelayCleared', peerId: ids.server };
const outside = endpoint('192.0.2.7:4001');
/** Written by a later version of the server, which lets other peers relay. */
const ofBob: NetworkEvent = { type: 'RelaySet', peerId: ids.bob, port: 4000, endpoint: outside };

const relaysOf = (...history: History) =>
  networkOf(...history)
    .relays()
    .map(({ peer, port, endpoint: where }) => [peer.id, port, where]);

describe('a relay', () => {
  it('is set once: the same again changes nothing, another place moves it', () => {
    const again = given(network, set);
    again.when({ type: 'SetRelay', peer: 'innernet-server', port: 51821 }).emitsNothing();
    again
      .when({ type: 'SetRelay', peer: 'innernet-server', port: 4000, endpoint: outside })
      .emits({ type: 'RelaySet', peerId: ids.server, port: 4000, endpoint: outside });
    expect(relaysOf(network, set, { ...set, port: 4000, endpoint: outside })).toEqual([
      [ids.server, 4000, outside],
    ]);
    expect(relaysOf(network, { ...set, endpoint: outside }, set)).toEqual([[ids.server, 51821, null]]);
  });

  it('needs a peer that there is', () => {
    for (const type of ['SetRelay', 'ClearRelay'] as const)
      given(network)
        .when({ type, peer: 'nobody', ...(type === 'SetRelay' ? { port: 51821 } : {}) } as never)
        .refuses({ code: 'UnknownPeer', peer: 'nobody' });
  });

  it('is set by admins alone', () => {
    const bob = { actor: { kind: 'peer', peerId: ids.bob } } as const;
    given(network)
      .when({ type: 'SetRelay', peer: ids.server, port: 51821 }, bob)
      .refuses({ code: 'NotAllowed', command: 'SetRelay' });
  });

  it('stands in a network read back from what is stored, and in a draft', () => {
    const now = networkOf(network, ofBob, set);
    const stored = Network.fromJSON(JSON.parse(JSON.stringify(now)));
    for (const each of [now, stored, now.draft(), now.clone()])
      expect(each.relays().map(({ peer }) => peer.id)).toEqual([ids.server, ids.bob]);
  });

  it('of a disabled peer is none until the peer is enabled; of a deleted one it is gone', () => {
    const disabled: NetworkEvent = { type: 'PeerDisabled', peerId: ids.bob };
    const enabled: NetworkEvent = { type: 'PeerEnabled', peerId: ids.bob };
    expect(relaysOf(network, ofBob)).toEqual([[ids.bob, 4000, outside]]);
    expect(relaysOf(network, ofBob, disabled)).toEqual([]);
    expect(relaysOf(network, ofBob, disabled, enabled)).toEqual([[ids.bob, 4000, outside]]);
    expect(relaysOf(network, ofBob, { type: 'PeerDeleted', peerId: ids.bob })).toEqual([]);
    given(network, ofBob, disabled)
      .when({ type: 'ClearRelay', peer: 'bob' })
      .emits({ type: 'RelayCleared', peerId: ids.bob });
  });

  it('that is cleared leaves the peer as it was', () => {
    const before = JSON.stringify(networkOf(network).peer(ids.server));
    const after = networkOf(network, { ...set, endpoint: outside }, cleared).peer(ids.server);
    expect(Object.keys(after ?? {}).filter((field) => field.startsWith('relay'))).toEqual([]);
    expect(JSON.stringify(after)).toBe(before);
  });
});
