// Taking things back: what is planned for each kind of change, and what cannot be undone.
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import type { Context } from '../../src/domain/decision.ts';
import { differenceOf } from '../../src/domain/difference.ts';
import { planReturn, type ReturnPlan } from '../../src/domain/return-plan.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { acme, associated, associationId, cidr, cidrId, endpoint, ids, keyOf, peerId } from '../acme.ts';
import { AFTER_NOON, given, type History, networkOf } from '../given.ts';

const context: Context = { actor: { kind: 'operator', uid: 0 }, now: AFTER_NOON };
const joined = associated(ids.humans, ids.machines);

/** The plan to undo `change`, which came after `before` and was followed by `since`. */
const undo = (before: History, change: readonly NetworkEvent[], since: History = []): ReturnPlan =>
  planReturn(
    {
      want: networkOf(...before),
      made: networkOf(...before, change),
      now: networkOf(...before, change, ...since),
    },
    context,
  );

const { network, ranges } = acme;

describe('undoes', () => {
  const undoes = (what: string, change: NetworkEvent, command: object, before: History = network) =>
    it(what, () => {
      const { commands, obstacles } = undo(before, [change]);
      expect([commands, obstacles]).toEqual([[command], []]);
      const state = networkOf(...before, change);
      for (const each of commands) {
        const decision = decide(state, each, context);
        if (decision.accepted) state.advance(decision.events, state.position + decision.events.length);
      }
      const { cidrs, peers } = differenceOf(networkOf(...before), state);
      expect([cidrs.changed, peers.changed, peers.added, peers.removed]).toEqual([[], [], [], []]);
    });

  const added = {
    type: 'CidrAdded',
    cidrId: cidrId(7),
    name: 'robots',
    cidr: cidr('10.42.2.0/24'),
    parentId: ids.root,
  } as const;
  undoes('a new CIDR', added, { type: 'DeleteCidr', cidr: cidrId(7) });
  undoes(
    'a deleted CIDR',
    { type: 'CidrDeleted', cidrId: cidrId(7) },
    { type: 'AddCidr', name: 'robots', cidr: '10.42.2.0/24' },
    [...network, added],
  );
  undoes(
    'a new name of a CIDR',
    { type: 'CidrRenamed', cidrId: ids.bakers, name: 'cooks' },
    { type: 'RenameCidr', cidr: ids.bakers, name: 'bakers' },
  );
  undoes('an association', joined, { type: 'DeleteAssociation', cidrs: [ids.humans, ids.machines] });
  undoes(
    'the end of an association',
    { type: 'AssociationDeleted', associationId: associationId(1) },
    { type: 'AddAssociation', cidrs: [ids.humans, ids.machines] },
    [...network, joined],
  );
  undoes(
    'a new name of a peer',
    { type: 'PeerRenamed', peerId: ids.bob, name: 'bert' },
    { type: 'RenamePeer', peer: ids.bob, name: 'bob' },
  );
  undoes('a disabled peer', { type: 'PeerDisabled', peerId: ids.bob }, { type: 'EnablePeer', peer: ids.bob });
  undoes(
    'an enabled peer',
    { type: 'PeerEnabled', peerId: ids.bob },
    { type: 'DisablePeer', peer: ids.bob, confirmed: true },
    [...network, { type: 'PeerDisabled', peerId: ids.bob }],
  );
  const relay = { type: 'RelaySet', peerId: ids.server, port: 51821 } as const;
  undoes('a new relay', relay, { type: 'ClearRelay', peer: ids.server });
  undoes(
    'a relay that is reached elsewhere',
    { ...relay, port: 4000, endpoint: endpoint('192.0.2.7:4001') },
    { type: 'SetRelay', peer: ids.server, port: 51821 },
    [...network, relay],
  );
  undoes(
    'the end of a relay',
    { type: 'RelayCleared', peerId: ids.server },
    { type: 'SetRelay', peer: ids.server, port: 51821 },
    [...network, relay],
  );
  undoes(
    'a new standby',
    { type: 'StandbyNamed', peerId: ids.bob },
    { type: 'DismissStandby', peer: ids.bob },
  );
  undoes(
    'a standby less',
    { type: 'StandbyDismissed', peerId: ids.bob },
    { type: 'NameStandby', peer: ids.bob },
    [...network, { type: 'StandbyNamed', peerId: ids.bob }],
  );
  undoes(
    'a new admin',
    { type: 'AdminGranted', peerId: ids.bob },
    { type: 'RevokeAdmin', peer: ids.bob, confirmed: true },
  );
  undoes('an admin less', { type: 'AdminRevoked', peerId: ids.ann }, { type: 'GrantAdmin', peer: ids.ann });
  undoes('an invitation', acme.eve, { type: 'RevokeInvitation', peer: ids.eve }, network.slice(0, -1));
  undoes(
    'an endpoint',
    { type: 'EndpointOverrideSet', peerId: ids.bob, endpoint: endpoint('192.0.2.7:1') },
    { type: 'ClearEndpointOverride', peer: ids.bob },
  );
  undoes(
    'the server in another place',
    { type: 'ServerEndpointChanged', endpoint: endpoint('192.0.2.7:1') },
    { type: 'ChangeServerEndpoint', endpoint: 'vpn.example.org:51820' },
  );

  it('several changes at once, in an order that the rules take', () => {
    const rack = {
      type: 'CidrAdded',
      cidrId: cidrId(7),
      name: 'rack',
      cidr: cidr('10.42.2.0/24'),
      parentId: ids.root,
    } as const;
    const shelf = {
      type: 'CidrAdded',
      cidrId: cidrId(8),
      name: 'shelf',
      cidr: cidr('10.42.2.0/28'),
      parentId: cidrId(7),
    } as const;
    const opened = associated(cidrId(8), ids.bakers, 4);
    const { commands, obstacles } = undo(network, [rack, shelf, opened]);
    expect(obstacles).toEqual([]);
    expect(commands.map(({ type }) => type)).toEqual(['DeleteAssociation', 'DeleteCidr', 'DeleteCidr']);
    const back = undo(
      [...network, rack, shelf, opened],
      [
        { type: 'AssociationDeleted', associationId: associationId(4) },
        { type: 'CidrDeleted', cidrId: cidrId(8) },
        { type: 'CidrDeleted', cidrId: cidrId(7) },
      ],
    );
    expect(back.obstacles).toEqual([]);
    expect(back.commands).toEqual([
      { type: 'AddCidr', name: 'rack', cidr: '10.42.2.0/24' },
      { type: 'AddCidr', name: 'shelf', cidr: '10.42.2.0/28' },
      { type: 'AddAssociation', cidrs: ['shelf', ids.bakers] },
    ]);
  });

  it('a change that somebody has taken back already: nothing is left to do', () =>
    expect(
      undo(network, [joined], [{ type: 'AssociationDeleted', associationId: associationId(1) }]),
    ).toEqual({
      commands: [],
      obstacles: [],
    }));

  it('what was undone: a revert of a revert', () => {
    const opened = [...network, joined];
    const closed: NetworkEvent = { type: 'AssociationDeleted', associationId: associationId(1), reverts: 9 };
    expect(undo(opened, [closed]).commands).toEqual([
      { type: 'AddAssociation', cidrs: [ids.humans, ids.machines] },
    ]);
  });
});

describe('the need of proofs', () => {
  const required: NetworkEvent = { type: 'ProofRequired' };
  const plan = (before: History, ...change: NetworkEvent[]) => {
    const { commands, obstacles } = undo(before, change);
    return [...commands, ...obstacles.map(({ sentence }) => sentence)];
  };

  it('is undone both ways, of everybody and of one peer', () => {
    const waived: NetworkEvent = { type: 'ProofWaived', peerId: ids.bob };
    expect(plan(network, required)).toEqual([{ type: 'WaiveProof' }]);
    expect(plan([...network, required], { type: 'ProofWaived' })).toEqual([{ type: 'RequireProof' }]);
    expect(plan(network, waived)).toEqual([{ type: 'RequireProof', peer: ids.bob }]);
    expect(plan([...network, waived], { type: 'ProofRequired', peerId: ids.bob })).toEqual([
      { type: 'WaiveProof', peer: ids.bob },
    ]);
  });

  it('stays as somebody has put it since', () =>
    expect(undo(network, [required], [{ type: 'ProofWaived' }])).toEqual({ commands: [], obstacles: [] }));

  it('is not forgotten of a key, which is said where nothing else is to be undone', () => {
    const proved: NetworkEvent = { type: 'PeerProved', peerId: ids.ann };
    expect(plan(network, proved)).toEqual(['the key of ann has proved itself, and that cannot be undone']);
    expect(plan(network, proved, required)).toEqual([{ type: 'WaiveProof' }]);
  });
});

describe('cannot undo', () => {
  const refuses = (what: string, sentence: string, plan: () => ReturnPlan) =>
    it(what, () => {
      const { commands, obstacles } = plan();
      expect(commands).toEqual([]);
      expect(obstacles.map((obstacle) => obstacle.sentence)).toEqual([sentence]);
    });

  refuses('a key that was redeemed', 'eve has joined with a key of its own, and that cannot be undone', () =>
    undo(network, [{ type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') }]),
  );
  refuses(
    'an invitation that was redeemed since',
    'eve has joined with a key of its own, and that cannot be undone',
    () =>
      undo(
        network.slice(0, -1),
        [acme.eve],
        [{ type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') }],
      ),
  );
  refuses(
    'a retired address',
    'bob was deleted: its address 10.42.129.1 and its key are retired for good',
    () => undo(network, [{ type: 'PeerDeleted', peerId: ids.bob }]),
  );
  refuses(
    'an invitation that is over',
    'the invitation of eve is over, and its key is never taken again',
    () => undo(network, [{ type: 'InvitationExpired', peerId: ids.eve }]),
  );
  refuses(
    'a new invitation',
    'the invitation of eve was replaced, and the key of the old one is never taken again',
    () =>
      undo(network, [
        { type: 'InvitationReissued', peerId: ids.eve, publicKey: keyOf('2'), inviteExpires: null },
      ]),
  );
  refuses('what was changed again', 'the name of bertha has been changed again since', () =>
    undo(
      network,
      [{ type: 'PeerRenamed', peerId: ids.bob, name: 'bert' }],
      [{ type: 'PeerRenamed', peerId: ids.bob, name: 'bertha' }],
    ),
  );
  refuses(
    'a name that somebody else has by now',
    'RenamePeer is refused: the name "bob" is taken by the peer at 10.42.129.9',
    () =>
      undo(
        network,
        [{ type: 'PeerRenamed', peerId: ids.bob, name: 'bert' }],
        [{ ...acme.eve, peerId: peerId(9), ip: acme.at('bakers', 9), publicKey: keyOf('9'), name: 'bob' }],
      ),
  );
  refuses(
    'a name that is none',
    'RenamePeer cannot be asked for: a name has only lower-case letters, digits and single hyphens, and neither starts nor ends with a hyphen',
    () =>
      undo(
        [...network, { type: 'PeerRenamed', peerId: ids.bob, name: 'Bob !' }],
        [{ type: 'PeerRenamed', peerId: ids.bob, name: 'bert' }],
      ),
  );
});

it('goes back to an earlier state as a whole, past what cancels itself out', () => {
  const now = networkOf(
    ...network,
    joined,
    { type: 'PeerRenamed', peerId: ids.bob, name: 'bert' },
    { type: 'PeerRenamed', peerId: ids.bob, name: 'bob' },
    { type: 'PeerDisabled', peerId: ids.oven },
  );
  const { commands, obstacles } = planReturn({ want: networkOf(...network), made: now, now }, context);
  expect(obstacles).toEqual([]);
  expect(commands).toEqual([
    { type: 'DeleteAssociation', cidrs: [ids.humans, ids.machines] },
    { type: 'EnablePeer', peer: ids.oven },
  ]);
  for (const command of commands) {
    const decision = decide(now, command, context);
    if (decision.accepted) now.advance(decision.events, now.position + decision.events.length);
  }
  const { cidrs, peers, associations } = differenceOf(networkOf(...network), now);
  const same = { added: [], removed: [], changed: [] };
  expect([cidrs, peers, associations]).toEqual([same, same, same]);
});

it('the events of a plan say what they undo, and where it goes back to', () => {
  given(...ranges)
    .when({
      type: 'AllOf',
      commands: [{ type: 'AddAssociation', cidrs: ['bakers', 'machines'] }],
      reverts: 12,
      returnsTo: 4,
    })
    .emits({ ...associated(ids.bakers, ids.machines), reverts: 12, returnsTo: 4 });
});
