// Any sequence of packets, moves and cuts: nothing goes to strangers, no more goes out than came in, and data passes
// between two that may talk alone.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RelayPeer } from '../../src/relay/members.ts';
import { type Effect, Relay } from '../../src/relay/relay.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { ann, bob, cid, DAN, dan, pairs, STRANGER } from './given-relay.ts';
import { cookie, data, initiation, response } from './messages.ts';

/** `PROPERTY_RUNS=5000` runs longer, `PROPERTY_SEED=42` again what failed. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 60);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const PEERS = [ann, bob, cid, dan];
const SIGHTS = [
  pairs([ann, bob], [ann, dan], [ann, cid], [bob, cid]),
  pairs([ann, bob], [ann, dan]),
  pairs([bob, cid]),
];
/** Of each peer's host two ports; a host of another one; nobody's. */
const PLACES = [2, 3, 4]
  .flatMap((n) => [`203.0.113.${n}:1`, `203.0.113.${n}:2`])
  .concat(DAN, '192.0.2.1:1', STRANGER);

type Act =
  | { kind: 'packet'; type: 'mailbox' | 'initiation' | 'response' | 'cookie' | 'data' | 'garbage' }
  | { kind: 'handshake' }
  | { kind: 'sight' }
  | { kind: 'rest' }
  | { kind: 'restart' };

const dice = fc.record({
  act: fc.oneof(
    {
      weight: 20,
      arbitrary: fc.constantFrom<Act>(
        { kind: 'handshake' },
        { kind: 'handshake' },
        { kind: 'packet', type: 'mailbox' },
        { kind: 'packet', type: 'initiation' },
        { kind: 'packet', type: 'response' },
        { kind: 'packet', type: 'data' },
        { kind: 'packet', type: 'data' },
        { kind: 'packet', type: 'cookie' },
        { kind: 'packet', type: 'garbage' },
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom<Act>({ kind: 'sight' }, { kind: 'rest' }, { kind: 'restart' }) },
  ),
  peer: fc.constantFrom(...PEERS),
  from: fc.constantFrom(...PLACES),
  /** Mostly an address of the peer's own. */
  isAtHome: fc.boolean(),
  index: fc.integer({ min: 1, max: 5 }),
  other: fc.integer({ min: 1, max: 5 }),
  sight: fc.constantFrom(...SIGHTS),
  isServed: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
  pause: fc.constantFrom(1, 1_100, 6_000, 70_000, 190_000),
});
type Dice = typeof dice extends fc.Arbitrary<infer D> ? D : never;

const homeOf = (peer: RelayPeer): string => peer.openAt ?? `${peer.host}:1`;

const happened = new Map<string, number>();
const count = (what: string): void => void happened.set(what, (happened.get(what) ?? 0) + 1);

const packetOf = (type: Extract<Act, { kind: 'packet' }>['type'], { peer, index, other }: Dice): Buffer => {
  switch (type) {
    case 'mailbox':
      return initiation(peer.mailbox, index);
    case 'initiation':
      return initiation(peer.publicKey, index);
    case 'response':
      return response(peer.publicKey, index, other);
    case 'cookie':
      return cookie(index);
    case 'data':
      return data(index);
    case 'garbage':
      return Buffer.alloc(index * 20, other);
  }
};

const play = (story: readonly Dice[]): void => {
  let relay = new Relay();
  let now = 1_000;
  let [packetsIn, packetsOut, bytesIn, bytesOut] = [0, 0, 0, 0];
  let served = PEERS;
  let sees = SIGHTS[0] as (typeof SIGHTS)[number];
  /** Where a mailbox was opened, and the known endpoint. */
  const registered = new Set<string>([DAN]);
  const ways = new Map<string, string>();

  const judge = (effects: readonly Effect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        packetsOut += 1;
        bytesOut += effect.packet.length;
        assert.ok(registered.has(effect.to), `${effect.to} never opened a mailbox`);
        continue;
      }
      if (effect.kind === 'mailbox' || effect.kind === 'claim') continue;
      const { from, index, to } = effect.way;
      const key = `${from} ${index}`;
      if (effect.kind === 'open') {
        assert.ok(registered.has(from) && registered.has(to));
        ways.set(key, to);
      } else if (ways.get(key) === to) ways.delete(key);
      count(effect.kind);
    }
    assert.ok(packetsOut <= packetsIn, 'more packets out than in');
    assert.ok(bytesOut <= bytesIn, 'more bytes out than in');
  };

  /** One packet comes in; where it went. What proves an address sets free what waited for it. */
  const hand = (packet: Buffer, from: string, mayFree = false): string | undefined => {
    packetsIn += 1;
    bytesIn += packet.length;
    const effects = relay.receive(packet, from as SocketAddress, now);
    const [first, second] = effects.flatMap((effect) => (effect.kind === 'send' ? [effect.to] : []));
    assert.ok(second === undefined || mayFree);
    judge(effects);
    return first;
  };

  judge(relay.setPeers(served, sees, now));
  for (const thrown of story) {
    const { act, peer, sight, isServed, pause } = thrown;
    if (act.kind === 'rest') {
      now += pause;
      judge(relay.expire(now));
    } else if (act.kind === 'restart') {
      const kept = [[...relay.addresses()], [...relay.sessions()]] as const;
      const before = new Map(ways);
      relay = new Relay();
      relay.setPeers(served, sees, now);
      ways.clear();
      judge(relay.restore(...kept, now));
      assert.deepEqual(ways, before);
      count('restart');
    } else if (act.kind === 'sight') {
      sees = sight;
      served = PEERS.filter((_, index) => isServed[index] || isServed[0]);
      judge(relay.setPeers(served, sees, now));
      for (const {
        ends: [left, right],
      } of relay.sessions())
        assert.ok(sees(left.peer, right.peer) && served.some(({ id }) => id === left.peer));
    } else if (act.kind === 'handshake') {
      const [left, right] = [peer, PEERS[(PEERS.indexOf(peer) + 1) % PEERS.length] ?? peer];
      hand(initiation(right.publicKey, thrown.index), homeOf(left));
      if (hand(response(left.publicKey, thrown.other, thrown.index), homeOf(right))) count('session');
    } else {
      const from = thrown.isAtHome ? homeOf(peer) : thrown.from;
      if (act.type === 'mailbox' && from === STRANGER) continue;
      if (act.type === 'mailbox') registered.add(from);
      const way = act.type === 'data' ? ways.get(`${from} ${thrown.index}`) : undefined;
      const to = hand(packetOf(act.type, thrown), from, ['mailbox', 'data'].includes(act.type));
      if (act.type === 'data' && to) count('data passed');
      // The kernel, told the same, does the same.
      if (way) assert.equal(to, way);
    }
  }
};

it('a relay sends to nobody but its peers, never more than it gets, and the kernel would do the same', () => {
  fc.assert(fc.property(fc.array(dice, { minLength: 60, maxLength: 120 }), play), { numRuns, seed });
  for (const what of ['session', 'data passed', 'open', 'close', 'restart'])
    expect(happened.get(what) ?? 0, what).toBeGreaterThan(0);
});
