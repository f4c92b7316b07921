// A relay of three peers behind routers and one in the open; what comes in, and what must come out.
import { expect } from 'vitest';
import type { RelayPeer } from '../../src/relay/members.ts';
import { type Effect, type Reason, Relay, type RelayLimits } from '../../src/relay/relay.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { Ip } from '../../src/values/ip.ts';
import { keyText, type PublicKey } from '../../src/values/key.ts';
import { data, initiation, response } from './messages.ts';

const keyOf = (byte: number): PublicKey => keyText(new Uint8Array(32).fill(byte)) as PublicKey;

export const peer = (id: number, rest: Partial<RelayPeer>): RelayPeer => ({
  id: id as PeerId,
  publicKey: keyOf(id),
  mailbox: keyOf(100 + id),
  ...rest,
});

export const ann = peer(2, { host: '203.0.113.2' as Ip });
export const bob = peer(3, { host: '203.0.113.3' as Ip });
export const cid = peer(4, { host: '203.0.113.4' as Ip });
export const dan = peer(5, { openAt: '203.0.113.5:51820' as SocketAddress });

export const ANN = '203.0.113.2:4002';
export const BOB = '203.0.113.3:4003';
export const CID = '203.0.113.4:4004';
export const DAN = '203.0.113.5:51820';
export const STRANGER = '198.51.100.9:666';

export const pairs = (...seen: [RelayPeer, RelayPeer][]) => {
  const keys = new Set(seen.flatMap(([a, b]) => [`${a.id} ${b.id}`, `${b.id} ${a.id}`]));
  return (left: PeerId, right: PeerId): boolean => keys.has(`${left} ${right}`);
};

/** Sent packets, as `address: length`. */
const sent = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'send' ? [`${effect.to}: ${effect.packet.length}`] : []));

export class GivenRelay {
  readonly relay: Relay;
  now = 1_000;
  last: readonly Effect[] = [];

  constructor(limits?: RelayLimits) {
    this.relay = new Relay(limits);
    this.relay.setPeers([ann, bob, cid, dan], pairs([ann, bob], [ann, dan], [ann, cid]), this.now);
  }

  after(milliseconds: number): this {
    this.now += milliseconds;
    this.last = this.relay.expire(this.now);
    return this;
  }

  /** A packet comes in, and exactly these go out. */
  gets(packet: Uint8Array, from: string, ...out: string[]): this {
    this.last = this.relay.receive(packet, from as SocketAddress, this.now);
    expect(sent(this.last)).toEqual(out);
    return this;
  }

  drops(packet: Uint8Array, from: string, reason: Reason): this {
    const before = this.relay.counts.dropped.get(reason) ?? 0;
    this.gets(packet, from);
    expect(this.relay.counts.dropped.get(reason), reason).toBe(before + 1);
    return this;
  }

  opens(who: RelayPeer, from: string): this {
    return this.gets(initiation(who.mailbox, 7), from, `${from}: 4`);
  }

  /** Ann begins with Bob, both by their mailboxes: she receives by 1, he by 2. */
  connected(): this {
    return this.opens(ann, ANN)
      .opens(bob, BOB)
      .gets(initiation(bob.publicKey, 1), ANN, `${BOB}: 148`)
      .gets(response(ann.publicKey, 2, 1), BOB, `${ANN}: 92`);
  }

  /** Data of both ends arrives, or of neither. */
  passes(does: boolean, [annAt, bobAt] = [ANN, BOB]): this {
    return this.gets(data(2), annAt, ...(does ? [`${bobAt}: 128`] : [])).gets(
      data(1),
      bobAt,
      ...(does ? [`${annAt}: 128`] : []),
    );
  }

  ways(kind: 'open' | 'close'): string[] {
    return this.last.flatMap((effect) =>
      effect.kind === kind ? [`${effect.way.from} ${effect.way.index} ${effect.way.to}`] : [],
    );
  }
}
