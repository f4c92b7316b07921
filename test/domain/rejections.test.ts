// Every "no" is said by some rule, in one sentence, with a hint that is a verb the programs have.
import { describe, expect, it } from 'vitest';
import {
  explain,
  printable,
  REJECTION_CODES,
  Rejected,
  type Rejection,
  type RejectionCode,
} from '../../src/domain/rejection.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { acme, associated, cidr, endpoint, INVITE_EXPIRES, ids, ip, keyOf, routeId } from '../acme.ts';
import { type Asked, BEFORE_NOON, type Expected, given } from '../given.ts';

type Refused<C extends RejectionCode> = Extract<Rejection, { code: C }>;

/** The facts of a refusal, and what is answered so; `control plane` where the rules alone never refuse. */
type Entry<C extends RejectionCode> = Refused<C> & { when: (() => Expected) | 'control plane' };

const { network, ranges } = acme;
const asked = (command: Asked) => () => given(network).when(command);
const addPeer = (more: { [field: string]: unknown }) =>
  ({
    type: 'AddPeer',
    name: 'mia',
    cidr: 'bakers',
    isAdmin: false,
    publicKey: keyOf('new'),
    inviteExpires: null,
    ...more,
  }) as Asked;
const create = (more: { [field: string]: unknown }): Asked =>
  ({
    type: 'CreateNetwork',
    name: 'acme',
    cidr: acme.range,
    serverKey: keyOf('server'),
    endpoint: 'vpn.example.org:51820',
    ...more,
  }) as Asked;
const redeem: Asked = { type: 'RedeemInvitation', publicKey: keyOf('new') };
const peer = (peerId: typeof ids.ann) => ({ actor: { kind: 'peer', peerId } }) as const;

const routed: readonly NetworkEvent[] = [
  { type: 'RouteAdded', routeId: routeId(1), name: 'office', blocks: [cidr('192.168.50.0/24')] },
  { type: 'RouterAdded', routeId: routeId(1), peerId: ids.oven, rank: 1 },
  { type: 'RouteOpened', routeId: routeId(1), cidrId: ids.humans },
];
const askedOfRoutes = (command: Asked) => () => given(network, routed).when(command);
const addRoute = (...blocks: string[]): Asked => ({ type: 'AddRoute', name: 'lab', blocks });

/** What the programs offer, with the flags that a hint may name. */
const VERBS: { [verb: string]: string[] } = {
  new: ['--network-name', '--network-cidr', '--external-endpoint', '--listen-port'],
  serve: [],
  'add-cidr': ['--name', '--cidr', '--parent', '--yes'],
  'rename-cidr': ['--name', '--new-name', '--yes'],
  'delete-cidr': ['--name', '--yes'],
  'list-cidrs': ['--tree', '--json'],
  'add-peer': [
    '--name',
    '--cidr',
    '--ip',
    '--auto-ip',
    '--admin',
    '--save-config',
    '--invite-expires',
    '--yes',
  ],
  'enable-peer': ['--name', '--expires', '--yes'],
  'set-expiry': ['--name', '--expires', '--default', '--yes'],
  'disable-peer': ['--name', '--yes'],
  'grant-admin': ['--name', '--yes'],
  'delete-peer': ['--name', '--yes'],
  'list-peers': ['--json'],
  'rekey-phone': ['--name', '--qr', '--save-config', '--yes'],
  'delete-association': ['--yes'],
  'list-associations': ['--json'],
  'set-endpoint': ['--endpoint', '--yes'],
  'require-proof': ['--name', '--yes'],
  'waive-proof': ['--name', '--yes'],
  'set-relay': ['--name', '--port', '--endpoint', '--yes'],
  'list-relays': ['--json'],
  'dismiss-standby': ['--name', '--yes'],
  standbys: ['--json'],
  'list-routes': ['--json'],
  'add-route': ['--name', '--block', '--exit', '--router', '--for', '--rank', '--keep-source', '--yes'],
  'close-route': ['--yes'],
  'rank-router': ['--name', '--cidr', '--rank', '--yes'],
  'remove-router': ['--name', '--cidr', '--yes'],
};

/** Facts that a sentence puts into other words. */
const FACTS_SAID_OTHERWISE: { [fact: string]: RejectionCode[] } = {
  command: ['NotAllowed', 'ProofNeeded'],
  what: ['ServerIsFixed'],
  isRouter: ['CidrHasRoutes'],
  name: ['CidrBelongsElsewhere'],
};

/** The compiler asks for an entry for each code. */
const REFUSALS: { [C in RejectionCode]: Entry<C> } = {
  NetworkExists: { code: 'NetworkExists', name: 'acme', when: asked(create({})) },
  NoNetwork: { code: 'NoNetwork', when: () => given().when({ type: 'DeletePeer', peer: 'ann' } as Asked) },
  RangeTooSmall: {
    code: 'RangeTooSmall',
    cidr: cidr('10.42.0.1/32'),
    when: () => given().when(create({ cidr: '10.42.0.1/32' })),
  },
  RangeTooWide: {
    code: 'RangeTooWide',
    cidr: cidr('::/0'),
    when: () => given().when(create({ cidr: '::/0' })),
  },
  NotAllowed: {
    code: 'NotAllowed',
    command: 'GrantAdmin',
    when: () => given(network).when({ type: 'GrantAdmin', peer: 'bob' }, peer(ids.bob)),
  },
  CommandIdReused: { code: 'CommandIdReused', commandId: '01JD', when: 'control plane' },
  PlanOutdated: {
    code: 'PlanOutdated',
    planned: 3,
    position: network.flat().length,
    when: asked({ type: 'AllOf', commands: [{ type: 'EnablePeer', peer: 'bob' }], at: 3 }),
  },
  UnknownCidr: { code: 'UnknownCidr', cidr: 'nowhere', when: asked({ type: 'DeleteCidr', cidr: 'nowhere' }) },
  CidrNameTaken: {
    code: 'CidrNameTaken',
    name: 'humans',
    when: asked({ type: 'RenameCidr', cidr: 'bakers', name: 'humans' }),
  },
  CidrTaken: {
    code: 'CidrTaken',
    cidr: acme.block('bakers'),
    name: 'bakers',
    when: asked({ type: 'AddCidr', name: 'cooks', cidr: acme.block('bakers') }),
  },
  CidrOutsideNetwork: {
    code: 'CidrOutsideNetwork',
    cidr: cidr('10.43.0.0/24'),
    network: acme.range,
    when: asked({ type: 'AddCidr', name: 'cooks', cidr: '10.43.0.0/24' }),
  },
  CidrBelongsElsewhere: {
    code: 'CidrBelongsElsewhere',
    name: 'cooks',
    cidr: cidr('10.42.130.0/24'),
    parent: 'acme',
    belongsIn: 'humans',
    when: asked({ type: 'AddCidr', name: 'cooks', cidr: '10.42.130.0/24', parent: 'acme' }),
  },
  CidrOverlaps: {
    code: 'CidrOverlaps',
    cidr: cidr('10.42.128.0/23'),
    sibling: 'engineers',
    siblingCidr: acme.block('engineers'),
    when: asked({ type: 'AddCidr', name: 'cooks', cidr: '10.42.128.0/23' }),
  },
  CidrHoldsPeers: {
    code: 'CidrHoldsPeers',
    name: 'bakers',
    when: asked({ type: 'DeleteCidr', cidr: 'bakers' }),
  },
  CidrHasChildren: {
    code: 'CidrHasChildren',
    name: 'humans',
    when: asked({ type: 'DeleteCidr', cidr: 'humans' }),
  },
  CidrHasAssociations: {
    code: 'CidrHasAssociations',
    name: 'bakers',
    with: 'machines',
    when: () =>
      given(ranges, associated(ids.bakers, ids.machines)).when({ type: 'DeleteCidr', cidr: 'bakers' }),
  },
  CidrFull: {
    code: 'CidrFull',
    name: 'bakers',
    cidr: cidr('10.42.129.0/32'),
    when: () =>
      given(
        acme.created,
        { ...acme.bakers, parentId: ids.root, cidr: cidr('10.42.129.0/32') },
        { ...acme.eve, ip: ip('10.42.129.0') },
      ).when(addPeer({})),
  },
  UnknownPeer: { code: 'UnknownPeer', peer: 'nobody', when: asked({ type: 'EnablePeer', peer: 'nobody' }) },
  PeerNameTaken: {
    code: 'PeerNameTaken',
    name: 'ann',
    ip: acme.at('engineers', 1),
    when: asked(addPeer({ name: 'ann' })),
  },
  IpOutsideCidr: {
    code: 'IpOutsideCidr',
    ip: ip('10.42.1.9'),
    name: 'bakers',
    cidr: acme.block('bakers'),
    when: asked(addPeer({ ip: '10.42.1.9' })),
  },
  IpNotAssignable: {
    code: 'IpNotAssignable',
    ip: ip('10.42.129.255'),
    cidr: acme.block('bakers'),
    when: asked(addPeer({ ip: '10.42.129.255' })),
  },
  IpTaken: {
    code: 'IpTaken',
    ip: acme.at('bakers', 1),
    by: 'bob',
    when: asked(addPeer({ ip: acme.at('bakers', 1) })),
  },
  IpRetired: {
    code: 'IpRetired',
    ip: acme.at('bakers', 1),
    when: () =>
      given(network, { type: 'PeerDeleted', peerId: ids.bob }).when(addPeer({ ip: acme.at('bakers', 1) })),
  },
  KeyTaken: { code: 'KeyTaken', key: keyOf('ann'), when: asked(addPeer({ publicKey: keyOf('ann') })) },
  KeyRetired: {
    code: 'KeyRetired',
    key: keyOf("ann's invitation"),
    when: asked(addPeer({ publicKey: keyOf("ann's invitation") })),
  },
  ServerIsFixed: {
    code: 'ServerIsFixed',
    what: 'peer',
    when: asked({ type: 'GrantAdmin', peer: 'innernet-server' }),
  },
  LastAdmin: {
    code: 'LastAdmin',
    name: 'ann',
    when: asked({ type: 'DisablePeer', peer: 'ann' }),
  },
  PeerIsDisabled: {
    code: 'PeerIsDisabled',
    name: 'eve',
    when: () => given(network, { type: 'PeerDisabled', peerId: ids.eve }).when(redeem, peer(ids.eve)),
  },
  ExpiryInPast: {
    code: 'ExpiryInPast',
    inviteExpires: BEFORE_NOON,
    when: asked(addPeer({ inviteExpires: BEFORE_NOON })),
  },
  EndInPast: {
    code: 'EndInPast',
    expires: BEFORE_NOON,
    when: asked({ type: 'SetExpiry', peer: 'bob', expires: BEFORE_NOON }),
  },
  PeerHasEnded: {
    code: 'PeerHasEnded',
    name: 'bob',
    ended: BEFORE_NOON,
    when: () =>
      given(
        network,
        { type: 'PeerExpirySet', peerId: ids.bob, expires: BEFORE_NOON },
        { type: 'PeerExpired', peerId: ids.bob },
      ).when({ type: 'EnablePeer', peer: 'bob' }),
  },
  InvitationEnded: {
    code: 'InvitationEnded',
    name: 'eve',
    ended: INVITE_EXPIRES,
    when: () => given(network).when(redeem, { ...peer(ids.eve), now: INVITE_EXPIRES }),
  },
  AlreadyRedeemed: {
    code: 'AlreadyRedeemed',
    name: 'ann',
    when: () => given(network).when(redeem, peer(ids.ann)),
  },
  EndpointUnspecified: {
    code: 'EndpointUnspecified',
    endpoint: endpoint('0.0.0.0:51820'),
    when: asked({ type: 'ChangeServerEndpoint', endpoint: '0.0.0.0:51820' }),
  },
  SameCidr: {
    code: 'SameCidr',
    name: 'bakers',
    when: asked({ type: 'AddAssociation', cidrs: ['bakers', 'bakers'] }),
  },
  RootNotAssociable: {
    code: 'RootNotAssociable',
    name: 'acme',
    when: asked({ type: 'AddAssociation', cidrs: ['bakers', 'acme'] }),
  },
  AssociationExists: {
    code: 'AssociationExists',
    names: ['machines', 'bakers'],
    when: () =>
      given(ranges, associated(ids.bakers, ids.machines)).when({
        type: 'AddAssociation',
        cidrs: ['machines', 'bakers'],
      }),
  },
  UnknownAssociation: {
    code: 'UnknownAssociation',
    names: ['bakers', 'machines'],
    when: asked({ type: 'DeleteAssociation', cidrs: ['bakers', 'machines'] }),
  },
  ProofNeeded: {
    code: 'ProofNeeded',
    name: 'ann',
    command: 'GrantAdmin',
    when: () =>
      given(network, { type: 'ProofRequired' }).when({ type: 'GrantAdmin', peer: 'bob' }, peer(ids.ann)),
  },
  ProofNotRequired: {
    code: 'ProofNotRequired',
    name: 'ann',
    when: asked({ type: 'RequireProof', peer: 'ann' }),
  },
  OpeningElsewhere: {
    code: 'OpeningElsewhere',
    name: 'humans',
    names: ['bakers', 'machines'],
    when: asked({
      type: 'AddAssociation',
      cidrs: ['bakers', 'machines'],
      allow: [{ from: 'humans', protocol: 'icmp' }],
    }),
  },
  ServerNotLimitable: {
    code: 'ServerNotLimitable',
    name: 'innernet-server',
    when: asked({ type: 'AddAssociation', cidrs: ['bakers', 'innernet-server'], allow: [] }),
  },
  CidrNotIsolable: {
    code: 'CidrNotIsolable',
    name: 'humans',
    when: asked({ type: 'IsolateCidr', cidr: 'humans' }),
  },
  RelayNotJoined: {
    code: 'RelayNotJoined',
    name: 'eve',
    when: asked({ type: 'SetRelay', peer: 'eve', port: 51821 }),
  },
  RelayIsDisabled: {
    code: 'RelayIsDisabled',
    name: 'bob',
    when: () =>
      given(network, { type: 'PeerDisabled', peerId: ids.bob }).when({
        type: 'SetRelay',
        peer: 'bob',
        port: 51821,
      }),
  },
  RouterIsServerOnly: {
    code: 'RouterIsServerOnly',
    name: 'bob',
    when: asked({ type: 'AddPlainPeer', name: 'mia', cidr: 'bakers', publicKey: keyOf('mia'), via: 'bob' }),
  },
  NotAPhone: {
    code: 'NotAPhone',
    name: 'bob',
    when: asked({ type: 'RekeyPlainPeer', peer: 'bob', publicKey: keyOf('new') }),
  },
  PhoneIsNoAdmin: {
    code: 'PhoneIsNoAdmin',
    name: 'bob',
    when: () =>
      given(network, { type: 'PlainPeerDeclared', peerId: ids.bob, via: ids.server }).when({
        type: 'GrantAdmin',
        peer: 'bob',
      }),
  },
  ServerIsNoStandby: {
    code: 'ServerIsNoStandby',
    when: asked({ type: 'NameStandby', peer: 'innernet-server' }),
  },
  StandbyNotJoined: {
    code: 'StandbyNotJoined',
    name: 'eve',
    when: asked({ type: 'NameStandby', peer: 'eve' }),
  },
  StandbyIsDisabled: {
    code: 'StandbyIsDisabled',
    name: 'bob',
    when: () =>
      given(network, { type: 'PeerDisabled', peerId: ids.bob }).when({ type: 'NameStandby', peer: 'bob' }),
  },
  PhoneIsNoStandby: {
    code: 'PhoneIsNoStandby',
    name: 'bob',
    when: () =>
      given(network, { type: 'PlainPeerDeclared', peerId: ids.bob, via: ids.server }).when({
        type: 'NameStandby',
        peer: 'bob',
      }),
  },
  TooManyStandbys: {
    code: 'TooManyStandbys',
    names: ['ann', 'ryo', 'oven', 'eve'],
    when: () =>
      given(
        network,
        [ids.ann, ids.ryo, ids.eve, ids.oven].map((peerId) => ({ type: 'StandbyNamed', peerId }) as const),
      ).when({ type: 'NameStandby', peer: 'bob' }),
  },
  NotAStandby: {
    code: 'NotAStandby',
    name: 'bob',
    when: asked({ type: 'DismissStandby', peer: 'bob' }),
  },
  NotARelay: { code: 'NotARelay', name: 'bob', when: asked({ type: 'ClearRelay', peer: 'bob' }) },
  UnknownRoute: {
    code: 'UnknownRoute',
    route: 'office',
    when: asked({ type: 'DeleteRoute', route: 'office' }),
  },
  RouteNameTaken: {
    code: 'RouteNameTaken',
    name: 'humans',
    by: 'CIDR',
    when: asked({ type: 'AddRoute', name: 'humans', blocks: ['192.168.50.0/24'] }),
  },
  RouteSpecial: {
    code: 'RouteSpecial',
    block: cidr('169.254.7.0/24'),
    reserved: cidr('169.254.0.0/16'),
    use: 'link-local addresses',
    when: asked(addRoute('169.254.7.0/24')),
  },
  RouteOtherFamily: {
    code: 'RouteOtherFamily',
    block: cidr('fd50::/64'),
    network: acme.range,
    when: asked(addRoute('fd50::/64')),
  },
  RouteInsideNetwork: {
    code: 'RouteInsideNetwork',
    block: cidr('10.0.0.0/8'),
    network: acme.range,
    when: asked(addRoute('10.0.0.0/8')),
  },
  RouteMixesExit: {
    code: 'RouteMixesExit',
    block: cidr('fd50::/64'),
    when: asked(addRoute('0.0.0.0/0', 'fd50::/64')),
  },
  RouteOverlapsItself: {
    code: 'RouteOverlapsItself',
    blocks: [cidr('192.168.0.0/16'), cidr('192.168.50.0/24')],
    when: asked(addRoute('192.168.0.0/16', '192.168.50.0/24')),
  },
  RouteHoldsServer: {
    code: 'RouteHoldsServer',
    block: cidr('203.0.113.0/24'),
    endpoint: endpoint('203.0.113.7:51820'),
    name: 'innernet-server',
    when: () =>
      given(network, { type: 'ServerEndpointChanged', endpoint: endpoint('203.0.113.7:51820') }).when(
        addRoute('203.0.113.0/24'),
      ),
  },
  RouteTaken: {
    code: 'RouteTaken',
    block: cidr('192.168.50.0/24'),
    name: 'office',
    cidr: 'bakers',
    when: askedOfRoutes({ type: 'AddRoute', name: 'lab', blocks: ['192.168.50.0/24'], openTo: ['bakers'] }),
  },
  RouteOpenAround: {
    code: 'RouteOpenAround',
    route: 'office',
    name: 'bakers',
    around: 'humans',
    when: askedOfRoutes({ type: 'CloseRoute', route: 'office', cidr: 'bakers' }),
  },
  RouterIsServer: {
    code: 'RouterIsServer',
    name: 'innernet-server',
    when: askedOfRoutes({ type: 'AddRouter', route: 'office', peer: 'innernet-server' }),
  },
  RouterIsPhone: {
    code: 'RouterIsPhone',
    name: 'bob',
    when: () =>
      given(network, routed, { type: 'PlainPeerDeclared', peerId: ids.bob, via: ids.server }).when({
        type: 'AddRouter',
        route: 'office',
        peer: 'bob',
      }),
  },
  RouterNotJoined: {
    code: 'RouterNotJoined',
    name: 'eve',
    when: askedOfRoutes({ type: 'AddRouter', route: 'office', peer: 'eve' }),
  },
  RouterIsDisabled: {
    code: 'RouterIsDisabled',
    name: 'bob',
    when: () =>
      given(network, routed, { type: 'PeerDisabled', peerId: ids.bob }).when({
        type: 'AddRouter',
        route: 'office',
        peer: 'bob',
      }),
  },
  RouterAlready: {
    code: 'RouterAlready',
    name: 'oven',
    route: 'office',
    when: askedOfRoutes({ type: 'AddRouter', route: 'office', peer: 'oven' }),
  },
  NotARouter: {
    code: 'NotARouter',
    name: 'bob',
    route: 'office',
    when: askedOfRoutes({ type: 'RemoveRouter', route: 'office', peer: 'bob' }),
  },
  RouterRankTaken: {
    code: 'RouterRankTaken',
    route: 'office',
    rank: '1',
    by: 'oven',
    when: askedOfRoutes({ type: 'AddRouter', route: 'office', peer: 'bob', rank: 1, keepSource: true }),
  },
  RouterIsMany: {
    code: 'RouterIsMany',
    name: 'bakers',
    route: 'office',
    when: askedOfRoutes({ type: 'AddRouter', route: 'office', cidr: 'bakers', keepSource: true }),
  },
  CidrHasRoutes: {
    code: 'CidrHasRoutes',
    name: 'machines',
    route: 'office',
    isRouter: false,
    when: () =>
      given(ranges, routed[0] ?? [], { type: 'RouteOpened', routeId: routeId(1), cidrId: ids.machines }).when(
        {
          type: 'DeleteCidr',
          cidr: 'machines',
        },
      ),
  },
};

const entries = REJECTION_CODES.map((code): [RejectionCode, Rejection, Entry<RejectionCode>['when']] => {
  const { when, ...rejection } = REFUSALS[code];
  return [code, rejection as Rejection, when];
});

it('the table has every code', () =>
  expect(Object.keys(REFUSALS).sort()).toEqual([...REJECTION_CODES].sort()));

describe.each(entries)('%s', (_code, rejection, when) => {
  if (when !== 'control plane') it('is what some command is refused with', () => when().refuses(rejection));

  it('is one sentence, lower case and without a full stop, that repeats the facts', () => {
    const { sentence, hint } = explain(rejection);
    for (const text of [sentence, hint]) expect(text).toMatch(/^[^A-Z\s][^\n]*[^.\s]$/);
    expect(new Rejected(rejection).message).toBe(sentence);
    const facts = Object.entries(rejection).filter(
      ([key]) => !FACTS_SAID_OTHERWISE[key]?.includes(rejection.code) && key !== 'code',
    );
    for (const fact of facts.flatMap(([, value]) => value as string | string[]))
      expect(sentence).toContain(/^[\w+/]{43}=$/.test(fact) ? fact.slice(0, 10) : fact);
  });

  it('hints at a verb and flags that there are', () => {
    const [verb, ...words] = (explain(rejection).verb ?? '').split(' ');
    if (!verb) return;
    expect(Object.keys(VERBS)).toContain(verb);
    for (const word of words.filter((word) => word.startsWith('--'))) expect(VERBS[verb]).toContain(word);
  });
});

describe('names that an import brought', () => {
  const hostile = "x'; rm -rf / #\u001b[2J\u202e";

  it('are shown with their control and direction characters escaped', () => {
    expect(printable('ann\u001b[2J\u202e\n\ud800 Büro')).toBe('ann\\u{1b}[2J\\u{202e}\\u{a}\\u{d800} Büro');
    const { sentence } = explain({ code: 'CidrNameTaken', name: hostile });
    expect(sentence).toBe('the name "x\'; rm -rf / #\\u{1b}[2J\\u{202e}" is taken by another CIDR');
  });

  it('are one word of the command to try', () => {
    expect(explain({ code: 'PeerIsDisabled', name: 'bob' }).verb).toBe('enable-peer --name bob');
    expect(explain({ code: 'PeerIsDisabled', name: hostile }).verb).toBe(
      `enable-peer --name "$(printf 'x\\047\\073 rm \\055rf \\057 \\043\\033\\1332J\\342\\200\\256')"`,
    );
    expect(explain({ code: 'PeerIsDisabled', name: '--yes' }).verb).toBe("enable-peer --name '--yes'");
    const pair = explain({ code: 'CidrHasAssociations', name: '--yes', with: 'b c' });
    expect(pair.verb).toBe("delete-association -- '--yes' 'b c'");
  });

  it('need no name where an id was asked for', () =>
    expect(explain({ code: 'UnknownPeer', peer: 99 }).sentence).toBe('there is no peer with id 99'));
});
