// Every event type is made by some command, or is one of the two that only an import or a restored backup writes.
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/domain/decision.ts';
import { EVENT_TYPES, type EventOf, type EventType, type NetworkEvent } from '../../src/events/schema.ts';
import {
  acme,
  associated,
  associationId,
  cidr,
  cidrId,
  endpoint,
  INVITE_EXPIRES,
  ids,
  keyOf,
  peerId,
  routeId,
} from '../acme.ts';
import { type Asked, given, type History } from '../given.ts';

type Entry<T extends EventType> = {
  event: EventOf<T>;
  when: Asked;
  context?: Partial<Context>;
  after?: History;
  /** What the same command makes before it. */
  before?: readonly NetworkEvent[];
};

const { network, createdNow } = acme;
const eve = { actor: { kind: 'peer', peerId: ids.eve } } as const;
const reach = endpoint('1.2.3.4:51820');
const phone: readonly NetworkEvent[] = [
  {
    type: 'PeerAdded',
    peerId: peerId(7),
    name: 'mia',
    ip: acme.at('bakers', 9),
    cidrId: ids.bakers,
    publicKey: keyOf('mia'),
    isAdmin: false,
    inviteExpires: null,
    redeemed: true,
  },
  { type: 'PlainPeerDeclared', peerId: peerId(7), via: ids.server },
];

const office: EventOf<'RouteAdded'> = {
  type: 'RouteAdded',
  routeId: routeId(1),
  name: 'office',
  blocks: [cidr('192.168.50.0/24')],
};
const byOven: EventOf<'RouterAdded'> = {
  type: 'RouterAdded',
  routeId: routeId(1),
  peerId: ids.oven,
  rank: 1,
};

/** The compiler asks for an entry for each type; `null`: no command makes it. */
const MADE_BY: { [T in Exclude<EventType, 'NetworkCreated'>]: Entry<T> | null } = {
  NetworkImported: null,
  LogRestored: null,
  CidrAdded: {
    event: {
      type: 'CidrAdded',
      cidrId: cidrId(7),
      name: 'robots',
      cidr: cidr('10.42.2.0/24'),
      parentId: ids.root,
    },
    when: { type: 'AddCidr', name: 'robots', cidr: '10.42.2.0/24', parent: 'acme' },
  },
  CidrRenamed: {
    event: { type: 'CidrRenamed', cidrId: ids.machines, name: 'robots' },
    when: { type: 'RenameCidr', cidr: 'machines', name: 'robots' },
  },
  CidrDeleted: {
    after: [acme.ranges],
    event: { type: 'CidrDeleted', cidrId: ids.machines },
    when: { type: 'DeleteCidr', cidr: 'machines' },
  },
  PeerAdded: {
    after: [acme.ranges],
    event: { ...acme.eve, peerId: peerId(2), ip: acme.at('bakers', 1), publicKey: keyOf('new') },
    when: {
      type: 'AddPeer',
      name: 'eve',
      cidr: 'bakers',
      isAdmin: false,
      publicKey: keyOf('new'),
      inviteExpires: INVITE_EXPIRES,
    },
  },
  InvitationRedeemed: {
    event: { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') },
    when: { type: 'RedeemInvitation', publicKey: keyOf('eve') },
    context: eve,
  },
  InvitationReissued: {
    event: { type: 'InvitationReissued', peerId: ids.eve, publicKey: keyOf('new'), inviteExpires: null },
    when: { type: 'ReissueInvitation', peer: 'eve', publicKey: keyOf('new'), inviteExpires: null },
  },
  InvitationRevoked: {
    event: { type: 'InvitationRevoked', peerId: ids.eve },
    when: { type: 'RevokeInvitation', peer: 'eve' },
  },
  InvitationExpired: {
    event: { type: 'InvitationExpired', peerId: ids.eve },
    when: { type: 'ExpireInvitations' },
    context: { now: INVITE_EXPIRES },
  },
  PeerRenamed: {
    event: { type: 'PeerRenamed', peerId: ids.bob, name: 'mia' },
    when: { type: 'RenamePeer', peer: 'bob', name: 'mia' },
  },
  PeerDisabled: {
    event: { type: 'PeerDisabled', peerId: ids.bob },
    when: { type: 'DisablePeer', peer: 'bob' },
  },
  PeerEnabled: {
    after: [network, { type: 'PeerDisabled', peerId: ids.bob }],
    event: { type: 'PeerEnabled', peerId: ids.bob },
    when: { type: 'EnablePeer', peer: 'bob' },
  },
  PeerExpirySet: {
    event: { type: 'PeerExpirySet', peerId: ids.bob, expires: INVITE_EXPIRES },
    when: { type: 'SetExpiry', peer: 'bob', expires: INVITE_EXPIRES },
  },
  PeerExpired: {
    after: [network, { type: 'PeerExpirySet', peerId: ids.bob, expires: INVITE_EXPIRES }],
    event: { type: 'PeerExpired', peerId: ids.bob },
    when: { type: 'ExpirePeers' },
    context: { now: INVITE_EXPIRES },
  },
  DefaultExpirySet: {
    event: { type: 'DefaultExpirySet', seconds: 7_776_000 },
    when: { type: 'SetDefaultExpiry', seconds: 7_776_000 },
  },
  PeerDeleted: {
    event: { type: 'PeerDeleted', peerId: ids.bob },
    when: { type: 'DeletePeer', peer: 'bob' },
  },
  AdminGranted: {
    event: { type: 'AdminGranted', peerId: ids.bob },
    when: { type: 'GrantAdmin', peer: 'bob' },
  },
  AdminRevoked: {
    event: { type: 'AdminRevoked', peerId: ids.ann },
    when: { type: 'RevokeAdmin', peer: 'ann', confirmed: true },
  },
  AssociationAdded: {
    event: associated(ids.bakers, ids.machines),
    when: { type: 'AddAssociation', cidrs: ['bakers', 'machines'] },
  },
  AssociationDeleted: {
    after: [network, associated(ids.bakers, ids.machines)],
    event: { type: 'AssociationDeleted', associationId: associationId(1) },
    when: { type: 'DeleteAssociation', cidrs: ['bakers', 'machines'] },
  },
  AssociationLimited: {
    after: [network, associated(ids.bakers, ids.machines)],
    event: {
      type: 'AssociationLimited',
      associationId: associationId(1),
      allow: [{ from: ids.bakers, protocol: 'tcp', ports: [[631, 631]] }],
    },
    when: {
      type: 'LimitAssociation',
      cidrs: ['machines', 'bakers'],
      allow: [{ from: 'bakers', protocol: 'tcp', ports: [[631, 631]] }],
    },
  },
  AssociationUnlimited: {
    after: [
      network,
      associated(ids.bakers, ids.machines),
      { type: 'AssociationLimited', associationId: associationId(1), allow: [] },
    ],
    event: { type: 'AssociationUnlimited', associationId: associationId(1) },
    when: { type: 'UnlimitAssociation', cidrs: ['bakers', 'machines'] },
  },
  CidrIsolated: {
    event: { type: 'CidrIsolated', cidrId: ids.bakers },
    when: { type: 'IsolateCidr', cidr: 'bakers' },
  },
  CidrUnisolated: {
    after: [network, { type: 'CidrIsolated', cidrId: ids.bakers }],
    event: { type: 'CidrUnisolated', cidrId: ids.bakers },
    when: { type: 'UnisolateCidr', cidr: 'bakers' },
  },
  EndpointOverrideSet: {
    event: { type: 'EndpointOverrideSet', peerId: ids.bob, endpoint: reach },
    when: { type: 'SetEndpointOverride', peer: 'bob', endpoint: reach },
  },
  EndpointOverrideCleared: {
    after: [network, { type: 'EndpointOverrideSet', peerId: ids.bob, endpoint: reach }],
    event: { type: 'EndpointOverrideCleared', peerId: ids.bob },
    when: { type: 'ClearEndpointOverride', peer: 'bob' },
  },
  ServerEndpointChanged: {
    event: { type: 'ServerEndpointChanged', endpoint: reach },
    when: { type: 'ChangeServerEndpoint', endpoint: reach },
  },
  RelaySet: {
    event: { type: 'RelaySet', peerId: ids.server, port: 51821, endpoint: reach },
    when: { type: 'SetRelay', peer: ids.server, port: 51821, endpoint: reach },
  },
  RelayCleared: {
    after: [network, { type: 'RelaySet', peerId: ids.server, port: 51821 }],
    event: { type: 'RelayCleared', peerId: ids.server },
    when: { type: 'ClearRelay', peer: ids.server },
  },
  PlainPeerDeclared: {
    before: phone.slice(0, 1),
    event: { type: 'PlainPeerDeclared', peerId: peerId(7), via: ids.server },
    when: {
      type: 'AddPlainPeer',
      name: 'mia',
      cidr: 'bakers',
      ip: acme.at('bakers', 9),
      publicKey: keyOf('mia'),
    },
  },
  /** The server is the only router yet. */
  PlainPeerRouted: null,
  PlainPeerRekeyed: {
    after: [network, phone],
    event: { type: 'PlainPeerRekeyed', peerId: peerId(7), publicKey: keyOf('new') },
    when: { type: 'RekeyPlainPeer', peer: 'mia', publicKey: keyOf('new') },
  },
  ProofRequired: {
    event: { type: 'ProofRequired' },
    when: { type: 'RequireProof' },
  },
  ProofWaived: {
    event: { type: 'ProofWaived', peerId: ids.ann },
    when: { type: 'WaiveProof', peer: 'ann' },
  },
  PeerProved: {
    event: { type: 'PeerProved', peerId: ids.ann },
    when: { type: 'RecordProofs', publicKeys: [keyOf('ann')] },
  },
  PeerEnforces: {
    event: { type: 'PeerEnforces', peerId: ids.ann, limits: true },
    when: { type: 'RecordEnforcers', said: [{ peerId: ids.ann, limits: true }] },
  },
  StandbyNamed: {
    event: { type: 'StandbyNamed', peerId: ids.bob },
    when: { type: 'NameStandby', peer: 'bob' },
  },
  StandbyDismissed: {
    after: [network, { type: 'StandbyNamed', peerId: ids.bob }],
    event: { type: 'StandbyDismissed', peerId: ids.bob },
    when: { type: 'DismissStandby', peer: 'bob' },
  },
  QuestionKeySet: {
    event: { type: 'QuestionKeySet', publicKey: keyOf('question') },
    when: { type: 'SetQuestionKey', publicKey: keyOf('question') },
  },
  ServerPromoted: {
    after: [network, { type: 'StandbyNamed', peerId: ids.bob }],
    event: { type: 'ServerPromoted', peerId: ids.bob, epoch: 1 },
    when: { type: 'PromoteStandby', peer: 'bob' },
  },
  RouteAdded: {
    event: office,
    when: { type: 'AddRoute', name: 'office', blocks: ['192.168.50.0/24'] },
  },
  RouteRenamed: {
    after: [network, office],
    event: { type: 'RouteRenamed', routeId: routeId(1), name: 'bureau' },
    when: { type: 'RenameRoute', route: 'office', name: 'bureau' },
  },
  RouteDeleted: {
    after: [network, office],
    event: { type: 'RouteDeleted', routeId: routeId(1) },
    when: { type: 'DeleteRoute', route: 'office' },
  },
  RouterAdded: {
    after: [network, office],
    event: byOven,
    when: { type: 'AddRouter', route: 'office', peer: 'oven', rank: 1 },
  },
  RouterRanked: {
    after: [network, office, byOven],
    event: { type: 'RouterRanked', routeId: routeId(1), peerId: ids.oven, rank: 0 },
    when: { type: 'RankRouter', route: 'office', peer: 'oven', rank: 0 },
  },
  RouterRemoved: {
    after: [network, office, byOven],
    event: { type: 'RouterRemoved', routeId: routeId(1), peerId: ids.oven },
    when: { type: 'RemoveRouter', route: 'office', peer: 'oven' },
  },
  RouteOpened: {
    after: [network, office],
    event: { type: 'RouteOpened', routeId: routeId(1), cidrId: ids.bakers },
    when: { type: 'OpenRoute', route: 'office', cidr: 'bakers' },
  },
  RouteClosed: {
    after: [network, office, { type: 'RouteOpened', routeId: routeId(1), cidrId: ids.bakers }],
    event: { type: 'RouteClosed', routeId: routeId(1), cidrId: ids.bakers },
    when: { type: 'CloseRoute', route: 'office', cidr: 'bakers' },
  },
};

it('the table has every type', () =>
  expect(['NetworkCreated', ...Object.keys(MADE_BY)].sort()).toEqual([...EVENT_TYPES].sort()));

describe('is made by a command:', () => {
  it('NetworkCreated', () =>
    given()
      .when({
        type: 'CreateNetwork',
        name: 'acme',
        cidr: acme.range,
        serverKey: keyOf('server'),
        endpoint: 'vpn.example.org:51820',
      })
      .emits(...createdNow));

  const entries = Object.entries(MADE_BY).filter(([, entry]) => entry !== null) as [
    EventType,
    Entry<EventType>,
  ][];
  it.each(entries)('%s', (_, { event, when, context, after = [network], before = [] }) =>
    given(...after)
      .when(when, context)
      .emits(...before, event),
  );
});
