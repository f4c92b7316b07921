// Who can reach whom, and what two states of a network differ in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import { differenceOf } from '../../src/domain/difference.ts';
import type { Network } from '../../src/domain/network.ts';
import { canReach, type ReachGroup, reachDifference } from '../../src/domain/reach.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { acme, associated, associationId, ids, keyOf } from '../acme.ts';
import { Questions, throws } from '../commands.ts';
import { networkOf } from '../given.ts';

const { network } = acme;
const joined = associated(ids.humans, ids.machines);

/** `ann,ryo – oven`, for each group. */
const shown = (groups: ReachGroup[]): string[] =>
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
    }));
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

const pairsIn = (groups: ReachGroup[]): string[] =>
  groups.flatMap(({ peers, others, pairs }) => {
    const found = new Set<string>();
    for (const one of peers)
      for (const other of others)
        if (one.id !== other.id) found.add([one.id, other.id].sort((a, b) => a - b).join(' '));
    expect(found.size).toBe(pairs);
    return [...found];
  });

it('groups name exactly the pairs that differ, each once, after any commands', () => {
  fc.assert(
    fc.property(fc.array(throws, { minLength: 5, maxLength: 40 }), fc.nat(), (thrown, cut) => {
      const questions = new Questions(4);
      const state = networkOf(...network);
      let before = state.clone();
      for (const [index, each] of thrown.entries()) {
        if (index === cut % thrown.length) before = state.clone();
        const { command, context } = questions.next(state, each);
        const decision = decide(state, command, context);
        if (decision.accepted) state.advance(decision.events, state.position + decision.events.length);
      }
      const { gained, lost } = reachDifference(before, state);
      const [then, now] = [pairsOf(before), pairsOf(state)];
      expect(pairsIn(gained).sort()).toEqual([...now].filter((pair) => !then.has(pair)).sort());
      expect(pairsIn(lost).sort()).toEqual([...then].filter((pair) => !now.has(pair)).sort());
    }),
    { numRuns: 150 },
  );
});
