// Who may ask, and several commands as one: all or none.
import { describe, expect, it } from 'vitest';
import { AdminCommand, Command, type CommandType } from '../../src/domain/command.ts';
import type { Context } from '../../src/domain/decision.ts';
import { acme, associated, cidrId, endpoint, ids, keyOf, peerId } from '../acme.ts';
import { type Asked, given } from '../given.ts';

const by = (id: number): Pick<Context, 'actor'> => ({ actor: { kind: 'peer', peerId: peerId(id) } });
const { network } = acme;

/** One command of each type that somebody who may ask would be granted. */
const EXAMPLES: { [T in CommandType]: Extract<Asked, { type: T }> } = {
  CreateNetwork: {
    type: 'CreateNetwork',
    name: 'acme',
    cidr: acme.range,
    serverKey: keyOf('server'),
    endpoint: 'vpn.example.org:51820',
  },
  ExpireInvitations: { type: 'ExpireInvitations' },
  RedeemInvitation: { type: 'RedeemInvitation', publicKey: keyOf('eve') },
  AddCidr: { type: 'AddCidr', name: 'robots', cidr: '10.42.2.0/24' },
  RenameCidr: { type: 'RenameCidr', cidr: 'machines', name: 'robots' },
  DeleteCidr: { type: 'DeleteCidr', cidr: 'machines' },
  AddPeer: {
    type: 'AddPeer',
    name: 'mia',
    cidr: 'bakers',
    isAdmin: false,
    publicKey: keyOf("mia's invitation"),
    inviteExpires: null,
  },
  RenamePeer: { type: 'RenamePeer', peer: 'bob', name: 'mia' },
  DisablePeer: { type: 'DisablePeer', peer: 'bob' },
  EnablePeer: { type: 'EnablePeer', peer: 'bob' },
  DeletePeer: { type: 'DeletePeer', peer: 'bob' },
  GrantAdmin: { type: 'GrantAdmin', peer: 'bob' },
  RevokeAdmin: { type: 'RevokeAdmin', peer: 'ann', confirmed: true },
  ReissueInvitation: {
    type: 'ReissueInvitation',
    peer: 'eve',
    publicKey: keyOf("eve's second invitation"),
    inviteExpires: null,
  },
  RevokeInvitation: { type: 'RevokeInvitation', peer: 'eve' },
  SetEndpointOverride: { type: 'SetEndpointOverride', peer: 'oven', endpoint: '1.2.3.4:51820' },
  ClearEndpointOverride: { type: 'ClearEndpointOverride', peer: 'oven' },
  ChangeServerEndpoint: { type: 'ChangeServerEndpoint', endpoint: 'new.example.org:51820' },
  AddAssociation: { type: 'AddAssociation', cidrs: ['bakers', 'machines'] },
  DeleteAssociation: { type: 'DeleteAssociation', cidrs: ['bakers', 'machines'] },
  SetExpiry: { type: 'SetExpiry', peer: 'bob', expires: 3600 },
  SetDefaultExpiry: { type: 'SetDefaultExpiry', seconds: 3600 },
  ExpirePeers: { type: 'ExpirePeers' },
  LimitAssociation: { type: 'LimitAssociation', cidrs: ['bakers', 'machines'], allow: [] },
  UnlimitAssociation: { type: 'UnlimitAssociation', cidrs: ['bakers', 'machines'] },
  IsolateCidr: { type: 'IsolateCidr', cidr: 'bakers' },
  UnisolateCidr: { type: 'UnisolateCidr', cidr: 'bakers' },
  RecordEnforcers: { type: 'RecordEnforcers', said: [{ peerId: ids.ann, limits: true }] },
  SetRelay: { type: 'SetRelay', peer: ids.server, port: 51821 },
  ClearRelay: { type: 'ClearRelay', peer: ids.server },
  AddPlainPeer: { type: 'AddPlainPeer', name: 'mia', cidr: 'bakers', publicKey: keyOf('mia') },
  RoutePlainPeer: { type: 'RoutePlainPeer', peer: 'mia', via: ids.server },
  RekeyPlainPeer: { type: 'RekeyPlainPeer', peer: 'mia', publicKey: keyOf("mia's second phone") },
  AddRoute: { type: 'AddRoute', name: 'office', blocks: ['192.168.50.0/24'] },
  RenameRoute: { type: 'RenameRoute', route: 'office', name: 'bureau' },
  DeleteRoute: { type: 'DeleteRoute', route: 'office' },
  AddRouter: { type: 'AddRouter', route: 'office', peer: 'oven' },
  RankRouter: { type: 'RankRouter', route: 'office', peer: 'oven', rank: 1 },
  RemoveRouter: { type: 'RemoveRouter', route: 'office', peer: 'oven' },
  OpenRoute: { type: 'OpenRoute', route: 'office', cidr: 'bakers' },
  CloseRoute: { type: 'CloseRoute', route: 'office', cidr: 'bakers' },
  RequireProof: { type: 'RequireProof' },
  WaiveProof: { type: 'WaiveProof', peer: 'bob' },
  RecordProofs: { type: 'RecordProofs', publicKeys: [keyOf('ann')] },
  NameStandby: { type: 'NameStandby', peer: 'bob' },
  DismissStandby: { type: 'DismissStandby', peer: 'bob' },
  SetQuestionKey: { type: 'SetQuestionKey', publicKey: keyOf('question') },
  PromoteStandby: { type: 'PromoteStandby', peer: 'bob' },
  AllOf: { type: 'AllOf', commands: [{ type: 'GrantAdmin', peer: 'bob' }] },
};

/** What a peer cannot ask for from afar, however mighty: the rest is for admins. */
const NOT_FROM_AFAR: CommandType[] = [
  'CreateNetwork',
  'ExpireInvitations',
  'ExpirePeers',
  'RedeemInvitation',
  'RecordProofs',
  'RecordEnforcers',
  'SetQuestionKey',
  'PromoteStandby',
];
const FOR_ADMINS = Object.values(EXAMPLES).filter(({ type }) => !NOT_FROM_AFAR.includes(type));

describe.each(FOR_ADMINS)('$type', (asked) => {
  const refusal = { code: 'NotAllowed', command: asked.type } as const;

  it('is for admins, whoever asks on the server, and the server itself', () => {
    for (const actor of [by(ids.ann).actor, { kind: 'operator', uid: 0 }, { kind: 'server' }] as const) {
      expect(() => given(network).when(asked, { actor }).refuses(refusal)).toThrow();
    }
  });

  it.each([
    ['a peer that is no admin', by(ids.ryo)],
    ['a peer that has not joined', by(ids.eve)],
    ['a peer that there is not', by(99)],
  ])('is not for %s', (_, actor) => given(network).when(asked, actor).refuses(refusal));

  it('is not for an admin who is disabled, was demoted, is deleted or has not joined', () => {
    for (const type of ['PeerDisabled', 'AdminRevoked', 'PeerDeleted'] as const)
      given(network, { type, peerId: ids.ann }).when(asked, by(ids.ann)).refuses(refusal);
    given(network, { type: 'AdminGranted', peerId: ids.eve }).when(asked, by(ids.eve)).refuses(refusal);
  });

  it('is something that an admin may send from afar', () =>
    expect(AdminCommand.safeParse(asked).success).toBe(true));
});

describe.each(NOT_FROM_AFAR.filter((type) => type !== 'RedeemInvitation'))('%s', (type) => {
  it('is never for a peer', () => {
    given(network).when(EXAMPLES[type], by(ids.ann)).refuses({ code: 'NotAllowed', command: type });
    expect(AdminCommand.safeParse(EXAMPLES[type]).success).toBe(false);
  });
});

describe('a peer that is no admin', () => {
  it('may speak of its own endpoint', () => {
    const set = {
      type: 'EndpointOverrideSet',
      peerId: ids.bob,
      endpoint: endpoint('1.2.3.4:51820'),
    } as const;
    given(network)
      .when({ type: 'SetEndpointOverride', peer: 'bob', endpoint: '1.2.3.4:51820' }, by(ids.bob))
      .emits(set);
    given(network, set)
      .when({ type: 'ClearEndpointOverride', peer: ids.bob }, by(ids.bob))
      .emits({ type: 'EndpointOverrideCleared', peerId: ids.bob });
  });

  it('of no other’s', () =>
    given(network)
      .when({ type: 'SetEndpointOverride', peer: 'oven', endpoint: '1.2.3.4:51820' }, by(ids.bob))
      .refuses({ code: 'NotAllowed', command: 'SetEndpointOverride' }));

  it('not while it is disabled', () =>
    given(network, { type: 'PeerDisabled', peerId: ids.bob })
      .when({ type: 'ClearEndpointOverride', peer: 'bob' }, by(ids.bob))
      .refuses({ code: 'NotAllowed', command: 'ClearEndpointOverride' }));
});

describe('several commands as one', () => {
  const all = (...commands: Asked[]): Asked => ({ type: 'AllOf', commands });
  const robots = {
    type: 'CidrAdded',
    cidrId: cidrId(7),
    name: 'robots',
    cidr: '10.42.2.0/24',
    parentId: ids.root,
  };
  const r2 = {
    type: 'PeerAdded',
    peerId: peerId(7),
    name: 'r2',
    ip: '10.42.2.1',
    cidrId: cidrId(7),
    publicKey: keyOf("r2's invitation"),
    isAdmin: false,
    inviteExpires: null,
  };
  const addR2: Asked = {
    type: 'AddPeer',
    name: 'r2',
    cidr: 'robots',
    isAdmin: false,
    publicKey: keyOf("r2's invitation"),
    inviteExpires: null,
  };

  it('see what the earlier ones would do', () =>
    given(network)
      .when(all(EXAMPLES.AddCidr, addR2, { type: 'AddAssociation', cidrs: ['robots', 'bakers'] }))
      .emits(robots as never, r2 as never, associated(cidrId(7), ids.bakers)));

  it('are refused as a whole by the reason of the first that is refused', () => {
    given(network)
      .when(all(EXAMPLES.AddCidr, addR2, { type: 'GrantAdmin', peer: 'nobody' }))
      .refuses({ code: 'UnknownPeer', peer: 'nobody' });
    given(network).when(all(addR2, EXAMPLES.AddCidr)).refuses({ code: 'UnknownCidr', cidr: 'robots' });
  });

  it('may come to nothing', () =>
    given(network)
      .when(all({ type: 'GrantAdmin', peer: 'ann' }, { type: 'RevokeAdmin', peer: 'bob' }))
      .emitsNothing());

  it('are asked by the same admin throughout: who demotes itself stops there', () =>
    given(network)
      .when(all(EXAMPLES.RevokeAdmin, { type: 'GrantAdmin', peer: 'bob' }), by(ids.ann))
      .refuses({ code: 'NotAllowed', command: 'GrantAdmin' }));

  it('swap two names in three steps', () =>
    given(network)
      .when(
        all(
          { type: 'RenamePeer', peer: ids.ryo, name: 'x' },
          { type: 'RenamePeer', peer: ids.bob, name: 'ryo' },
          { type: 'RenamePeer', peer: ids.ryo, name: 'bob' },
        ),
      )
      .emits(
        { type: 'PeerRenamed', peerId: ids.ryo, name: 'x' },
        { type: 'PeerRenamed', peerId: ids.bob, name: 'ryo' },
        { type: 'PeerRenamed', peerId: ids.ryo, name: 'bob' },
      ));

  it.each([
    ['nothing', []],
    ['what is itself several', [{ type: 'AllOf', commands: [EXAMPLES.GrantAdmin] }]],
    ['what no admin may send', [EXAMPLES.RedeemInvitation]],
    ['more than 1000', Array.from({ length: 1001 }, () => EXAMPLES.GrantAdmin)],
  ])('are not %s', (_, commands) =>
    expect(Command.safeParse({ type: 'AllOf', commands }).success).toBe(false),
  );
});

describe('a command is parsed strictly', () => {
  it.each(Object.values(EXAMPLES))('$type: with no field too many', (asked) => {
    expect(Command.safeParse(asked).success).toBe(true);
    expect(Command.safeParse({ ...asked, confirm: true }).success).toBe(false);
  });

  it.each([
    ['a type that there is not', { type: 'AddPeers' }],
    ['a loose name', { type: 'RenamePeer', peer: 'bob', name: 'Bob!' }],
    ['a block with host bits', { type: 'AddCidr', name: 'robots', cidr: '10.42.2.1/24' }],
    ['a key of small order', { type: 'RedeemInvitation', publicKey: `${'A'.repeat(43)}=` }],
    ['an id that is none', { type: 'DeletePeer', peer: 0 }],
    ['a network name too long for an interface', { ...EXAMPLES.CreateNetwork, name: 'x'.repeat(16) }],
  ])('without %s', (_, asked) => expect(Command.safeParse(asked).success).toBe(false));
});
