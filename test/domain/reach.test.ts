// Who can reach whom, and what two states of a network differ in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reachLines } from '../../src/cli/telling.ts';
import { decide } from '../../src/domain/decide.ts';
import { differenceOf } from '../../src/domain/difference.ts';
import { openings } from '../../src/domain/limits.ts';
import type { Network } from '../../src/domain/network.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { canReach, type ReachGroup, reachDifference } from '../../src/domain/reach.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { reachOf } from '../../src/server/past/rehearsal.ts';
import { acme, associated, associationId, ids, keyOf, peerId } from '../acme.ts';
import { Questions, throws } from '../commands.ts';
import { networkOf } from '../given.ts';

const { network } = acme;
const joined = associated(ids.humans, ids.machines);

/** `ann,ryo – oven`, for each group. */
const shown = (groups: Pick<ReachGroup, 'peers' | 'others'>[]): string[] =>
  groups.map(({ peers, others }) =>
    [peers, others].map((list) => list.map(({ name }) => name).join()).join(' – '),
  );

const between = (before: Network, ...events: NetworkEvent[]) => {
  const after = before.draft();
  for (const event of events) after.evolve(event);
  return reachDifference(before, after);
};

describe('what a change means', () => {
  it('an association lets each peer of the one reach each of the other, and below', () => {
    const { gained, lost } = between(networkOf(...network), joined);
    expect([shown(gained), shown(lost)]).toEqual([['ann,ryo – oven', 'bob – oven'], []]);
    expect(gained.map(({ pairs }) => pairs)).toEqual([2, 1]);
  });

  it('its end takes that away', () => {
    const { gained, lost } = between(networkOf(...network, joined), {
      type: 'AssociationDeleted',
      associationId: associationId(1),
    });
    expect([shown(gained), shown(lost)]).toEqual([[], ['ann,ryo – oven', 'bob – oven']]);
  });

  it('who joins reaches the own CIDR and the server', () => {
    const { gained } = between(networkOf(...network), {
      type: 'InvitationRedeemed',
      peerId: ids.eve,
      publicKey: keyOf('eve'),
    });
    expect(shown(gained)).toEqual(['eve – innernet-server,bob']);
  });

  it('who is disabled reaches nobody', () => {
    const { gained, lost } = between(networkOf(...network), { type: 'PeerDisabled', peerId: ids.ann });
    expect([shown(gained), shown(lost)]).toEqual([[], ['ann – innernet-server,ryo']]);
  });

  it('those who come together reach each other too', () => {
    const { gained } = reachDifference(networkOf(...acme.ranges), networkOf(...network));
    const pairs = gained.reduce((sum, group) => sum + group.pairs, 0);
    expect(pairs).toBe(5); // four with the server, ann with ryo
  });

  it('a new name changes nothing', () =>
    expect(between(networkOf(...network), { type: 'PeerRenamed', peerId: ids.bob, name: 'bert' })).toEqual({
      gained: [],
      lost: [],
      turned: [],
    }));
});

const keeping = [ids.ann, ids.ryo, ids.bob, ids.oven].map(
  (id) => ({ type: 'PeerEnforces', peerId: id, limits: true }) as const,
);

describe('what may be begun', () => {
  const printing = { from: ids.humans, protocol: 'tcp', ports: [[631, 631]] } as const;
  const limited = (...allow: (typeof printing)[]): NetworkEvent => ({
    type: 'AssociationLimited',
    associationId: associationId(1),
    allow: allow.map((each) => ({ ...each, ports: [[631, 631]] })),
  });
  const tcp = { protocol: 'tcp', ports: [[631, 631]] };

  it('is said of who can newly reach whom', () => {
    const { gained } = between(networkOf(...network, ...keeping), joined, limited(printing));
    expect(gained.map(({ opens }) => opens)).toEqual([
      [[tcp], []],
      [[tcp], []],
    ]);
  });

  it('turns where a limit comes and goes, and nobody loses sight', () => {
    const whole = networkOf(...network, ...keeping, joined);
    const closed = networkOf(...network, ...keeping, joined, limited(printing));
    const forth = reachDifference(whole, closed);
    expect([forth.gained, forth.lost, forth.turned.map(({ before, after }) => [before, after])]).toEqual([
      [],
      [],
      [
        [undefined, [[tcp], []]],
        [undefined, [[tcp], []]],
      ],
    ]);
    expect(shown(forth.turned)).toEqual(['ann,ryo – oven', 'bob – oven']);
    expect(reachDifference(closed, whole).turned.map(({ after }) => after)).toEqual([undefined, undefined]);
  });

  it('is told in words, with an arrow for each end that may begin something', () => {
    const whole = networkOf(...network, ...keeping, joined);
    const headings = { gained: 'gained', lost: 'lost', turned: 'turned' };
    const lines = (...events: NetworkEvent[]) => reachLines(reachOf(between(whole, ...events)), headings);
    expect(lines(limited(printing))).toEqual([
      'turned',
      '  ~ ann, ryo → oven: tcp 631, before that everything',
      '  ~ oven → ann, ryo: nothing, before that everything',
      '  ~ bob → oven: tcp 631, before that everything',
      '  ~ oven → bob: nothing, before that everything',
    ]);
    const news = (...events: NetworkEvent[]) =>
      reachLines(reachOf(between(networkOf(...network, ...keeping), joined, ...events)), headings);
    expect(news(limited(printing))).toEqual([
      'gained',
      '  + ann, ryo → oven: tcp 631',
      '  + bob → oven: tcp 631',
    ]);
    expect(news(limited())).toContain('  + bob – oven: they see each other, and may begin nothing');
  });
});

it('an association that was ended and made again is no difference', () => {
  const ended = { type: 'AssociationDeleted', associationId: associationId(1) } as const;
  const again = associated(ids.machines, ids.humans, 2);
  const { associations } = differenceOf(
    networkOf(...network, joined),
    networkOf(...network, joined, ended, again),
  );
  expect(associations).toEqual({ added: [], removed: [], changed: [] });
});

it('rows that came, went and changed are told apart', () => {
  const before = networkOf(...network);
  const after = networkOf(
    ...network,
    joined,
    { type: 'PeerRenamed', peerId: ids.bob, name: 'bert' },
    {
      type: 'InvitationRevoked',
      peerId: ids.eve,
    },
  );
  const { cidrs, peers, associations } = differenceOf(before, after);
  expect(cidrs).toEqual({ added: [], removed: [], changed: [] });
  expect(peers.added).toEqual([]);
  expect(peers.removed.map(({ name }) => name)).toEqual(['eve']);
  expect(peers.changed.map(({ before: was, after: is }) => [was.name, is.name])).toEqual([['bob', 'bert']]);
  expect(associations.added.map(({ cidrIds }) => cidrIds)).toEqual([[ids.humans, ids.machines]]);
});

/** Every pair that can talk, each once. */
const pairsOf = (state: Network): Set<string> => {
  const peers = [...state.peers()];
  const pairs = new Set<string>();
  for (const one of peers)
    for (const other of peers)
      if (one.id < other.id && canReach(state, one, other)) pairs.add(`${one.id} ${other.id}`);
  return pairs;
};

const pairsIn = (groups: Pick<ReachGroup, 'peers' | 'others' | 'pairs'>[]): string[] =>
  groups.flatMap(({ peers, others, pairs }) => {
    const found = new Set<string>();
    for (const one of peers)
      for (const other of others)
        if (one.id !== other.id) found.add([one.id, other.id].sort((a, b) => a - b).join(' '));
    expect(found.size).toBe(pairs);
    return [...found];
  });

/** What the first may begin, and the other; by the rule itself. */
const opensOf = (state: Network, one: Peer, other: Peer) => {
  const [left, right] = [state.peer(one.id)?.cidrId, state.peer(other.id)?.cidrId];
  if (left === undefined || right === undefined) throw new Error('a peer is not there');
  const [out, back] = [openings(state, left, right), openings(state, right, left)];
  return Array.isArray(out) && Array.isArray(back) ? [out, back] : undefined;
};

const everyPair = (groups: { peers: Peer[]; others: Peer[] }[], judge: (one: Peer, other: Peer) => unknown) =>
  groups.flatMap(({ peers, others }) =>
    peers.flatMap((one) => others.filter(({ id }) => id !== one.id).map((other) => judge(one, other))),
  );

const hasTurned = (before: Network, after: Network, pair: string): boolean => {
  const [one, other] = pair.split(' ').map((id) => after.peer(peerId(Number(id))));
  if (!one || !other) throw new Error(pair);
  return JSON.stringify(opensOf(before, one, other)) !== JSON.stringify(opensOf(after, one, other));
};

it('groups name exactly the pairs that differ, each once, after any commands', () => {
  let limitsTurned = 0;
  fc.assert(
    fc.property(
      fc.array(throws, { minLength: 5, maxLength: 40 }),
      fc.nat(),
      fc.boolean(),
      (thrown, cut, isKept) => {
        const questions = new Questions(4);
        const state = isKept ? networkOf(...network, ...keeping, joined) : networkOf(...network);
        let before = state.clone();
        for (const [index, each] of thrown.entries()) {
          if (index === cut % thrown.length) before = state.clone();
          const { command, context } = questions.next(state, each);
          const decision = decide(state, command, context);
          if (decision.accepted) state.advance(decision.events, state.position + decision.events.length);
        }
        const [association] = state.associations();
        if (isKept && association)
          state.evolve({
            type: 'AssociationLimited',
            associationId: association.id,
            allow: [{ from: association.cidrIds[0], protocol: 'icmp' }],
          });
        const { gained, lost, turned } = reachDifference(before, state);
        for (const [groups, at] of [
          [gained, state],
          [lost, before],
        ] as const)
          for (const group of groups)
            for (const opens of everyPair([group], (one, other) => opensOf(at, one, other)))
              expect(opens).toEqual(group.opens);
        for (const group of turned) {
          const both = everyPair([group], (one, other) => [
            opensOf(before, one, other),
            opensOf(state, one, other),
          ]);
          for (const opens of both) expect(opens).toEqual([group.before, group.after]);
          limitsTurned += group.pairs;
        }
        const [then, now] = [pairsOf(before), pairsOf(state)];
        expect(pairsIn(gained).sort()).toEqual([...now].filter((pair) => !then.has(pair)).sort());
        expect(pairsIn(lost).sort()).toEqual([...then].filter((pair) => !now.has(pair)).sort());
        const stayed = [...now].filter((pair) => then.has(pair) && hasTurned(before, state, pair));
        expect(pairsIn(turned).sort()).toEqual(stayed.sort());
      },
    ),
    { numRuns: 150 },
  );
  expect(limitsTurned).toBeGreaterThan(0);
});
